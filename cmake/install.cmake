# What `cmake --install` lays down: the program, the library with its headers, the files that both
# read at run time, and a package that find_package(spillway) finds.
include(CMakePackageConfigHelpers)

set(SPILLWAY_PACKAGE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/spillway")

# Install the files that match `patterns` (relative to the source folder) under `destination`, each
# with the path that it has in the source folder.
function(spillway_install_tree destination)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" ${ARGN})
  foreach(file IN LISTS files)
    cmake_path(GET file PARENT_PATH folder)
    install(FILES "${PROJECT_SOURCE_DIR}/${file}" DESTINATION "${destination}/${folder}")
  endforeach()
endfunction()

install(TARGETS spillway RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(TARGETS spillway_lib EXPORT spillwayTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")

# Headers of the SystemC modules and of the command line stay here: a client would need what only
# we are built with, and reaches both through Device and command_line().
list(TRANSFORM SPILLWAY_FOLDERS APPEND "/*.hpp" OUTPUT_VARIABLE headers)
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}"
     ${headers} include/spillway/*.hpp)
list(FILTER headers EXCLUDE REGEX
     "^models/(accelerator|engine|memory_ports|waveform)\\.hpp$|^analysis/commands/command\\.hpp$")
set(destination "${CMAKE_INSTALL_INCLUDEDIR}/spillway")
cmake_path(IS_ABSOLUTE destination absolute)
if(NOT absolute)
  string(PREPEND destination "\${CMAKE_INSTALL_PREFIX}/")
endif()
install(CODE "
  include(\"${CMAKE_CURRENT_LIST_DIR}/install_headers.cmake\")
  spillway_install_headers(\"${PROJECT_SOURCE_DIR}\" \"${PROJECT_BINARY_DIR}/include/spillway\"
                           \"${destination}\" \"${headers}\")")
spillway_install_tree("${CMAKE_INSTALL_DATADIR}/spillway"
  workloads/networks/*.yaml workloads/experiments/* workloads/data/*-subset/*
  models/devices/*.yaml models/devices/dram/*.yaml models/technologies/*.yaml
  analysis/studies/*.yaml workloads/sweeps/*.yaml
  analysis/reference/* bench/*.py)

install(EXPORT spillwayTargets NAMESPACE spillway:: DESTINATION "${SPILLWAY_PACKAGE_DIR}")
configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/spillwayConfig.cmake.in" "${PROJECT_BINARY_DIR}/spillwayConfig.cmake"
  INSTALL_DESTINATION "${SPILLWAY_PACKAGE_DIR}")
# Before 1.0 a new minor version may break its users.
write_basic_package_version_file("${PROJECT_BINARY_DIR}/spillwayConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/spillwayConfig.cmake"
              "${PROJECT_BINARY_DIR}/spillwayConfigVersion.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/FindSystemC.cmake"
        DESTINATION "${SPILLWAY_PACKAGE_DIR}")
