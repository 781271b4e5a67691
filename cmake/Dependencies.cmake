# Everything comes from Debian 12 (toolchain/packages.txt, toolchain/libssh2); nothing is downloaded by the build.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(cereal REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(pugixml REQUIRED)
find_package(ZLIB REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(GTest REQUIRED)
include(GoogleTest)

# The system's libssh2 where it is new enough, else the one that toolchain/libssh2 has built (static).
execute_process(COMMAND ${PROJECT_SOURCE_DIR}/toolchain/libssh2 --prefix OUTPUT_VARIABLE XCOPY_LIBSSH2_PREFIX
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
find_package(libssh2 1.11.1 CONFIG QUIET PATHS ${XCOPY_LIBSSH2_PREFIX})
if(NOT libssh2_FOUND)
  message(FATAL_ERROR "libssh2 1.11.1 or newer is missing (Debian 12 has 1.10). Run toolchain/libssh2, or ./dev build, and again.")
endif()
