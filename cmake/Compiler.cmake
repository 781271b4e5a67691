# One compiler for everybody. g++ 12.2 (Debian 12) miscompiles ordinary coroutine shapes, such as a co_await inside a
# condition or an aggregate built in a coroutine call, and the agent is made of coroutines.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 16)
  message(FATAL_ERROR
    "xcopy needs clang 16 or newer; this is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. "
    "g++ 12.2 miscompiles coroutines. Use ./dev build, or a preset of CMakePresets.json, which choose clang++-16.")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON) # target all_verify_interface_header_sets: every public header compiles alone
set(CMAKE_LINK_DEPENDS_NO_SHARED ON)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

set(XCOPY_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread; the agent is then linked dynamically")
option(XCOPY_FUZZ "Build the libFuzzer targets of tests/fuzz" OFF)

add_library(xcopy_options INTERFACE)
target_include_directories(xcopy_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(xcopy_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Werror
  -ffunction-sections -fdata-sections -fstack-protector-strong)
target_compile_definitions(xcopy_options INTERFACE
  XCOPY_VERSION="${PROJECT_VERSION}" FMT_HEADER_ONLY $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_link_options(xcopy_options INTERFACE -fuse-ld=lld -Wl,--gc-sections)

if(XCOPY_SANITIZE)
  target_compile_options(xcopy_options INTERFACE -fsanitize=${XCOPY_SANITIZE} -fno-omit-frame-pointer
                                                 -fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/cmake/sanitizer-ignore.txt
                                                 -fno-sanitize-recover=undefined)
  target_link_options(xcopy_options INTERFACE -fsanitize=${XCOPY_SANITIZE})
endif()
if(XCOPY_FUZZ)
  target_compile_options(xcopy_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
