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

# Nothing of ours is on a client's include path but one folder; every header that is installed
# stands alone in it.
file(GLOB roots RELATIVE "${prefix}/include" "${prefix}/include/*")
if(NOT roots STREQUAL "spillway")
  message(FATAL_ERROR "include/ holds \"${roots}\", not spillway alone")
endif()
file(GLOB_RECURSE headers RELATIVE "${prefix}/include" "${prefix}/include/*.hpp")
set(includes "")
foreach(header IN LISTS headers)
  string(APPEND includes "#include <${header}>\n")
  file(STRINGS "${prefix}/include/${header}" quoted REGEX "^#include \"")
  if(NOT quoted STREQUAL "")
    message(FATAL_ERROR "${header} has ${quoted}, which a client does not find")
  endif()
endforeach()
file(WRITE "${WORK}/all_headers.cpp" "${includes}")

# Configure and build a project against the installed package.
function(build_client source build)
  run(ignored "${CMAKE_COMMAND}" -S "${source}" -B "${build}" -G "${GENERATOR}"
      "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_CXX_COMPILER=${COMPILER}"
      "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}" "-DCMAKE_PREFIX_PATH=${prefix}" ${ARGN})
  run(ignored "${CMAKE_COMMAND}" --build "${build}")
endfunction()

build_client("${CMAKE_CURRENT_LIST_DIR}/client" "${WORK}/client"
             "-DALL_HEADERS=${WORK}/all_headers.cpp")
run(weights "${WORK}/client/client" "${share}/workloads/networks/mnist-mlp.yaml")
string(STRIP "${weights}" weights)
set(expected 2784000) # 784 * 1000 + 1000 * 1000 + 1000 * 1000
if(NOT weights STREQUAL expected)
  message(FATAL_ERROR "the client printed \"${weights}\", not ${expected}")
endif()

# The examples, which say the same as the program.
build_client("${CMAKE_CURRENT_LIST_DIR}/../../examples" "${WORK}/examples")
run(ledger "${WORK}/examples/run_experiment"
    "${share}/workloads/experiments/mnist-mlp-lel.yaml")
string(REGEX MATCHALL "weights,read,dram,([0-9]+)" lines "${ledger}")
set(words 0)
foreach(line IN LISTS lines)
  string(REGEX REPLACE ".*," "" line "${line}")
  math(EXPR words "${words} + ${line}")
endforeach()
if(NOT words EQUAL expected) # each weight once
  message(FATAL_ERROR "run_experiment printed\n${ledger}with ${words} words of weights read")
endif()
run(front "${WORK}/examples/run_sweep" "${share}/workloads/sweeps/smoke.yaml" out)
if(NOT front MATCHES "^point,hash,status,rule,policy,buffer,words,.*\n24,[0-9a-f]+,done,lel,best,524288,")
  message(FATAL_ERROR "run_sweep printed\n${front}")
endif()
run(sweep "${WORK}/examples/sweep_buffer"
    "${share}/workloads/experiments/mnist-mlp-bp.yaml" 16 64KiB 64MiB)
if(NOT sweep MATCHES "^[a-z_,]+\n16,,\n65536,[0-9]+,[0-9]+\n67108864,[0-9]+,2784000\n$")
  message(FATAL_ERROR "sweep_buffer printed\n${sweep}")
endif()
