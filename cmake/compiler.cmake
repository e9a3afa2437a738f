# One compiler is supported: clang 19 (Debian package clang-19) with lld and libstdc++ 12.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    message(FATAL_ERROR
        "g++ ${CMAKE_CXX_COMPILER_VERSION} destroys temporaries twice in expressions that contain co_await "
        "(GCC bugs 107288, 100611, 95599). Use clang 19: cmake --preset release, or -DCMAKE_CXX_COMPILER=clang++-19.")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(Z360_CCACHE ccache)
if(Z360_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${Z360_CCACHE})
endif()

add_library(z360_options INTERFACE)
target_include_directories(z360_options INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_compile_options(z360_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
    -Wswitch-enum -Wimplicit-fallthrough -Wno-missing-field-initializers -Werror
    -fdiagnostics-color=auto -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
# Asio and Beast are compiled once, in src/boost_impl; everything else sees declarations only.
target_compile_definitions(z360_options INTERFACE
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
    BOOST_ASIO_DISABLE_CONCEPTS _GLIBCXX_ASSERTIONS SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_link_options(-fuse-ld=lld)
endif()
