# Files that are compiled together: most of the time that a file takes is for headers and templates
# that its neighbours use, too. `size` files of one of the four folders make a unit, so that two cores
# have enough to do. In one unit, names in anonymous namespaces must differ.
# With SPILLWAY_UNITS off (preset `dev`) each file is by itself, as it must be able to be.
function(spillway_units target size)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  if(NOT SPILLWAY_UNITS)
    return()
  endif()
  foreach(source IN LISTS ARGN)
    file(RELATIVE_PATH name "${CMAKE_CURRENT_SOURCE_DIR}" "${source}")
    string(REGEX MATCH "^[a-z]+" folder "${name}")
    if(NOT DEFINED count_${folder})
      set(count_${folder} 0)
    endif()
    math(EXPR unit "${count_${folder}} / ${size}")
    math(EXPR count_${folder} "${count_${folder}} + 1")
    set_source_files_properties("${source}" PROPERTIES UNITY_GROUP "${folder}_${unit}")
  endforeach()
endfunction()
