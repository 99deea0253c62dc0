# SPDX-License-Identifier: ISC
#
# cmake -DCMAKE_TOOLCHAIN_FILE=PREFIX/share/hostel/hostel.cmake ...
#
# Compiles with hostel-cc; what CMake or CTest run, they run in a domain.
set(CMAKE_SYSTEM_NAME Hostel)
set(CMAKE_SYSTEM_VERSION 1)
set(CMAKE_SYSTEM_PROCESSOR x86_64)

list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR}/cmake)
get_filename_component(HOSTEL_PREFIX ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
set(HOSTEL_BIN ${HOSTEL_PREFIX}/bin)
if(EXISTS ${HOSTEL_PREFIX}/lib/hostel/sysroot)
    set(CMAKE_SYSROOT ${HOSTEL_PREFIX}/lib/hostel/sysroot)
else() # a build folder
    set(CMAKE_SYSROOT ${HOSTEL_PREFIX}/sysroot)
endif()

set(CMAKE_C_COMPILER ${HOSTEL_BIN}/hostel-cc)
set(CMAKE_AR ${HOSTEL_BIN}/hostel-ar CACHE FILEPATH "")
set(CMAKE_RANLIB ${HOSTEL_BIN}/hostel-ranlib CACHE FILEPATH "")
set(CMAKE_NM ${HOSTEL_BIN}/hostel-nm CACHE FILEPATH "")
set(CMAKE_STRIP ${HOSTEL_BIN}/hostel-strip CACHE FILEPATH "")
set(CMAKE_OBJCOPY ${HOSTEL_BIN}/hostel-objcopy CACHE FILEPATH "")
set(PKG_CONFIG_EXECUTABLE ${HOSTEL_BIN}/hostel-pkg-config CACHE FILEPATH "")
set(CMAKE_CROSSCOMPILING_EMULATOR ${HOSTEL_BIN}/hostel-hv run)

# Libraries and headers are the target's, programs this machine's.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
