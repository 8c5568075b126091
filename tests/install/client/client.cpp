// What a user of the installed library writes: read a network and ask how many weights it has.
#include <cstdio>
#include <spillway/workloads/network.hpp>

int main(int argument_count, char** arguments) {
  if (argument_count != 2) return 2;
  const spillway::workloads::Network network = spillway::workloads::read_network(arguments[1]);
  std::printf("%llu\n", static_cast<unsigned long long>(network.weights().count()));
}
