# Lays down the headers under one root: what is "sim/plan/plan.hpp" in the source folder is
# <spillway/sim/plan/plan.hpp> for a client. So that nothing else of ours, no folder `sim` or
# `models`, is on a client's include path, includes of our own files are rewritten on the way.

# Called at installation. `headers` are paths in the folder `source`; they are rewritten in the
# folder `stage` and go to `destination`.
function(spillway_install_headers source stage destination headers)
  foreach(header IN LISTS headers)
    file(READ "${source}/${header}" text)
    string(REGEX REPLACE "#include \"([^\"\n]*)\"" "#include <spillway/\\1>" text "${text}")
    string(REGEX REPLACE "^include/spillway/" "" path "${header}") # the umbrella header
    set(before "")
    if(EXISTS "${stage}/${path}")
      file(READ "${stage}/${path}" before)
    endif()
    if(NOT text STREQUAL before) # else clients would be built anew
      file(WRITE "${stage}/${path}" "${text}")
    endif()
    cmake_path(GET path PARENT_PATH folder)
    file(INSTALL "${stage}/${path}" DESTINATION "${destination}/${folder}")
  endforeach()
endfunction()
