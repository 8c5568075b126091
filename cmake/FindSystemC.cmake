# SystemC as Debian packs it: no CMake config, so headers and library are looked up through systemc.pc.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(PC_SYSTEMC QUIET systemc)
endif()
find_path(SystemC_INCLUDE_DIR systemc.h HINTS ${PC_SYSTEMC_INCLUDE_DIRS})
find_library(SystemC_LIBRARY systemc HINTS ${PC_SYSTEMC_LIBRARY_DIRS})
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SystemC REQUIRED_VARS SystemC_LIBRARY SystemC_INCLUDE_DIR
                                  VERSION_VAR PC_SYSTEMC_VERSION)
if(SystemC_FOUND AND NOT TARGET SystemC::systemc)
  add_library(SystemC::systemc UNKNOWN IMPORTED)
  set_target_properties(SystemC::systemc PROPERTIES
    IMPORTED_LOCATION "${SystemC_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${SystemC_INCLUDE_DIR}"
    # Debian builds the library as C++17; its ABI tag must match or C++20 code does not link.
    INTERFACE_COMPILE_DEFINITIONS "SC_CPLUSPLUS=201703L")
endif()
mark_as_advanced(SystemC_INCLUDE_DIR SystemC_LIBRARY)
