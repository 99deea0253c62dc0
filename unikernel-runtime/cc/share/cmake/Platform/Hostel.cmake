# SPDX-License-Identifier: ISC
# What CMake needs to know of the system called Hostel: POSIX, static only.
set(UNIX 1)
set(CMAKE_STATIC_LIBRARY_PREFIX "lib")
set(CMAKE_STATIC_LIBRARY_SUFFIX ".a")
set(CMAKE_EXECUTABLE_SUFFIX "")
set(CMAKE_DL_LIBS "")
set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS FALSE)
# pthreads are in the C library.
set(CMAKE_THREAD_LIBS_INIT "")
set(CMAKE_HAVE_LIBC_PTHREAD 1)
include(Platform/UnixPaths)
