# xcopy_library(NAME SOURCES a.cpp … HEADERS a.hpp … LINK public libs … PRIVATE private libs …)
# HEADERS are public: each is compiled alone by the target all_verify_interface_header_sets.
function(xcopy_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;LINK;PRIVATE" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${name} PRIVATE ${ARG_PRIVATE})
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${ARG_HEADERS})
  target_link_libraries(${name} ${scope} xcopy_options ${ARG_LINK})
endfunction()

# xcopy_test(NAME SOURCES test.cpp … LINK libs … [TIMEOUT seconds] [LABELS …] [SERIAL])
# One GoogleTest program; each TEST is a ctest of its own. SERIAL tests never run beside each other.
function(xcopy_test name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE xcopy_options ${ARG_LINK} GTest::gmock GTest::gtest_main)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  set(properties TIMEOUT ${ARG_TIMEOUT})
  if(ARG_LABELS)
    list(APPEND properties LABELS "${ARG_LABELS}")
  endif()
  if(ARG_SERIAL)
    list(APPEND properties RESOURCE_LOCK ${name})
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()

# xcopy_test_under_userworld(NAME [TIMEOUT seconds] [FILTER gtest-filter]): the tests of xcopy_test(NAME) once more, with agents that lack what
# ESXi may lack (tests/userworld). They are called UserWorld.* and have the label userworld. A sanitizer's own system calls
# and its address space are not the agent's, so its builds have none of these.
function(xcopy_test_under_userworld name)
  if(XCOPY_SANITIZE)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT;FILTER" "" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  add_dependencies(${name} xcopy-userworld)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX UserWorld. TEST_LIST ${name}_userworld_tests
    TEST_FILTER "${ARG_FILTER}"
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS userworld
               ENVIRONMENT "XCOPY_AGENT_LAUNCHER=$<TARGET_FILE:xcopy-userworld>")
endfunction()
