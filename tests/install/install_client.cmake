# Installs the build into a folder of its own, runs the installed program from elsewhere, and builds
# and runs a client of the installed library. Run by ctest with
#   BUILD      the build folder to install from
#   WORK       a folder for the installation and the client's build; emptied first
#   GENERATOR, MAKE_PROGRAM, COMPILER, BUILD_TYPE   how the client is built
cmake_minimum_required(VERSION 3.22)

# Run a command, quietly when it works; its stdout goes to the variable `output`.
function(run output)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${WORK}/elsewhere"
                  RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${result}\n${text}${errors}")
  endif()
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

set(prefix "${WORK}/prefix")
set(share "${prefix}/share/spillway")
file(REMOVE_RECURSE "${WORK}")
file(MAKE_DIRECTORY "${WORK}/elsewhere")

run(ignored "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${prefix}")

run(plan "${prefix}/bin/spillway" plan "${share}/workloads/experiments/mnist-mlp-lel.yaml")
if(plan STREQUAL "")
  message(FATAL_ERROR "the installed `spillway plan` printed nothing")
endif()

run(ignored "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/client" -B "${WORK}/client"
    -G "${GENERATOR}" "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_CXX_COMPILER=${COMPILER}"
    "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}" "-DCMAKE_PREFIX_PATH=${prefix}")
run(ignored "${CMAKE_COMMAND}" --build "${WORK}/client")
run(weights "${WORK}/client/client" "${share}/workloads/networks/mnist-mlp.yaml")
string(STRIP "${weights}" weights)
set(expected 2784000) # 784 * 1000 + 1000 * 1000 + 1000 * 1000
if(NOT weights STREQUAL expected)
  message(FATAL_ERROR "the client printed \"${weights}\", not ${expected}")
endif()
