// The arguments of a command, and what is said of those that are none.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <thread>
#include <typeinfo>

#include "analysis/commands/command.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::analysis {

namespace {

using workloads::InputError;

std::vector<std::string> option_names(const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) {
    if (option->long_name() != "file") names.push_back("--" + option->long_name());
  }
  return names;
}

const po::option_description* find_option(const po::options_description& options,
                                          std::string name) {
  name.erase(0, std::min(name.find_first_not_of('-'), name.size()));
  return options.find_nothrow(name, false);
}

/// "--epochs N", as the option is to be given.
std::string usage_of(const po::option_description& option) {
  const std::string name = "--" + option.long_name();
  if (option.semantic()->max_tokens() == 0) return name;
  std::string value = option.semantic()->name();
  return name + " " + value.substr(0, value.find(" (="));
}

/// What an option takes that is read as a number when it is parsed.
std::string type_of(const po::option_description& option) {
  const auto* typed = dynamic_cast<const po::typed_value_base*>(option.semantic().get());
  if (typed != nullptr && typed->value_type() == typeid(double)) return "a number";
  return "an integer";
}

/// The value in a message of the option parser, which gives it nowhere else.
std::string value_in(const std::string& message) {
  const std::size_t begin = message.find("('"), end = message.rfind("')");
  if (begin == std::string::npos || end == std::string::npos) return "";
  return message.substr(begin + 2, end - begin - 2);
}

[[noreturn]] void refuse(const Command& command, const po::error_with_option_name& error) {
  const po::options_description options = command.options();
  const std::string name = error.get_option_name();
  const po::option_description* option = find_option(options, name);
  if (option == nullptr) {
    throw InputError(fmt::format("{}: {}; allowed: {}", command.name, error.what(),
                                 workloads::joined(option_names(options))));
  }
  const std::string usage = usage_of(*option), full = "--" + option->long_name();
  if (dynamic_cast<const po::multiple_occurrences*>(&error) != nullptr) {
    throw InputError(fmt::format("{}: found more than once; allowed: {} once", full, usage));
  }
  if (const auto* syntax = dynamic_cast<const po::invalid_command_line_syntax*>(&error)) {
    const bool missing = syntax->kind() != po::invalid_syntax::extra_parameter;
    throw InputError(fmt::format("{}: found {} value; allowed: {}", full, missing ? "no" : "a",
                                 missing ? usage : usage + " alone"));
  }
  throw InputError(fmt::format("{}: found \"{}\"; allowed: {}", full,
                               workloads::printable(value_in(error.what())), type_of(*option)));
}

/// The whole of an option's text as a number, or nothing.
template <class Number>
std::optional<Number> number_in(const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

[[noreturn]] void refuse_number(const std::string& name, const std::string& text,
                                const std::string& allowed) {
  const bool number = number_in<double>(text).has_value();
  const std::string found = number ? text : fmt::format("\"{}\"", workloads::printable(text));
  throw InputError(fmt::format("--{}: found {}; allowed: {}", name, found, allowed));
}

void require_among(const std::string& name, const std::string& value, const Arguments& allowed) {
  if (std::ranges::find(allowed, value) != allowed.end()) return;
  throw workloads::InputError(fmt::format("--{}: found \"{}\"; allowed: {}{}", name,
                                          workloads::printable(value), workloads::joined(allowed),
                                          workloads::did_you_mean(value, allowed)));
}

}  // namespace

po::variables_map parse_arguments(const Command& command, const Arguments& arguments) {
  const po::options_description options = command.options();
  po::options_description with_help = command.options();
  with_help.add_options()("help,h", "");
  po::positional_options_description positional;
  if (options.find_nothrow("file", false) != nullptr) positional.add("file", -1);
  po::variables_map values;
  try {
    po::store(
        po::command_line_parser(arguments)
            .options(with_help)
            .positional(positional)
            .style(po::command_line_style::default_style & ~po::command_line_style::allow_guessing)
            .run(),
        values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    throw InputError(
        fmt::format("{}: unknown option {}; allowed: {}{}", command.name, error.get_option_name(),
                    workloads::joined(option_names(options)),
                    workloads::did_you_mean(error.get_option_name(), option_names(options))));
  } catch (const po::too_many_positional_options_error&) {
    throw InputError(fmt::format("{}: found an argument that is no option; allowed: {}",
                                 command.name, workloads::joined(option_names(options))));
  } catch (const po::error_with_option_name& error) {
    refuse(command, error);
  } catch (const po::error& error) {
    throw InputError(fmt::format("{}: {}; allowed: {}", command.name, error.what(),
                                 workloads::joined(option_names(options))));
  }
  return values;
}

double number_option(const po::variables_map& values, const std::string& name, double minimum,
                     double maximum) {
  const auto& text = values[name].as<std::string>();
  const std::optional<double> value = number_in<double>(text);
  if (!value || !(*value >= minimum && *value <= maximum)) {
    refuse_number(name, text, fmt::format("a number from {:g} to {:g}", minimum, maximum));
  }
  return *value;
}

std::int64_t integer_option(const po::variables_map& values, const std::string& name,
                            std::int64_t minimum, std::int64_t maximum) {
  const po::variable_value& given = values[name];
  const std::string text = given.value().type() == typeid(std::int64_t)
                               ? std::to_string(given.as<std::int64_t>())
                               : given.as<std::string>();
  const std::optional<std::int64_t> value = number_in<std::int64_t>(text);
  if (!value || *value < minimum || *value > maximum) {
    refuse_number(name, text, fmt::format("an integer from {} to {}", minimum, maximum));
  }
  return *value;
}

std::size_t jobs_option(const po::variables_map& values) {
  if (values.count("jobs") == 0) return std::max(1u, std::thread::hardware_concurrency());
  return static_cast<std::size_t>(integer_option(values, "jobs", 1, 1024));
}

std::string name_option(const po::variables_map& values, const std::string& name,
                        const Arguments& allowed) {
  const auto& given = values[name].as<std::string>();
  require_among(name, given, allowed);
  return given;
}

Arguments names_option(const po::variables_map& values, const std::string& name,
                       const Arguments& usual, const Arguments& allowed) {
  if (values.count(name) == 0) return usual;
  Arguments names;
  for (const std::string& given : values[name].as<Arguments>()) {
    if (std::ranges::find(names, given) != names.end()) continue;
    names.push_back(given);
    require_among(name, given, allowed);
  }
  return names;
}

}  // namespace spillway::analysis
