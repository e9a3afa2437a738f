# Headers of others that most files include, read once instead of once a file. None of ours is among them: a change
# makes stale what includes it, no more. No file may lean on them, each includes what it uses: the presets asan and
# fuzz build without them, and tests/tidy/coroutines.py reads the sources without them.
option(Z360_PCH "Precompile the headers of the standard library, Asio and JSON" ON)

set(z360_precompiled_std
    <algorithm> <array> <charconv> <chrono> <cstddef> <cstdint> <cstdio> <deque> <exception> <filesystem> <fstream>
    <functional> <iterator> <list> <map> <memory> <optional> <set> <span> <sstream> <stdexcept> <string> <string_view>
    <system_error> <type_traits> <unordered_map> <unordered_set> <utility> <variant> <vector>
    <nlohmann/json.hpp>)
set(z360_precompiled_asio
    <boost/asio/any_io_executor.hpp> <boost/asio/as_tuple.hpp> <boost/asio/awaitable.hpp>
    <boost/asio/bind_cancellation_slot.hpp> <boost/asio/cancellation_signal.hpp> <boost/asio/co_spawn.hpp>
    <boost/asio/deferred.hpp> <boost/asio/detached.hpp> <boost/asio/experimental/parallel_group.hpp>
    <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/post.hpp> <boost/asio/steady_timer.hpp>
    <boost/asio/this_coro.hpp> <boost/asio/use_awaitable.hpp>)

# z360_add_precompiled(NAME HEADERS headers... [LINK libs...]): such a set, for targets to share.
function(z360_add_precompiled name)
    cmake_parse_arguments(ARG "" "" "HEADERS;LINK" ${ARGN})
    set(empty ${CMAKE_BINARY_DIR}/${name}.cpp)
    if(NOT EXISTS ${empty})
        file(WRITE ${empty} "")
    endif()
    add_library(${name} OBJECT EXCLUDE_FROM_ALL ${empty})
    target_link_libraries(${name} PRIVATE z360_options ${ARG_LINK})
    # Without the time of day in it: the same headers make the same form of them.
    target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    target_precompile_headers(${name} PRIVATE ${ARG_HEADERS})

    # What ccache takes in place of that form, which holds the path of the build: the headers as the compiler sees them.
    set(form ${CMAKE_BINARY_DIR}/CMakeFiles/${name}.dir/cmake_pch.hxx.pch)
    set(defines "$<TARGET_PROPERTY:${name},COMPILE_DEFINITIONS>")
    add_custom_command(OUTPUT ${form}.sum DEPENDS $<TARGET_OBJECTS:${name}> VERBATIM COMMAND_EXPAND_LISTS
        COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -O2 "$<$<BOOL:${defines}>:-D$<JOIN:${defines},;-D>>"
                -w -E -P -dD -x c++ -o ${form}.text ${CMAKE_BINARY_DIR}/CMakeFiles/${name}.dir/cmake_pch.hxx
        COMMAND sh -c "sha256sum <${form}.text >${form}.sum && rm ${form}.text")
    add_custom_target(${name}_made DEPENDS ${form}.sum)
endfunction()

# OUT is ON if the target links WANTED, itself or by what it links.
function(z360_links target wanted out)
    get_property(known GLOBAL PROPERTY z360_${target}_links_${wanted})
    if(NOT known MATCHES "^(ON|OFF)$")
        set(known OFF)
        if(target STREQUAL wanted)
            set(known ON)
        elseif(TARGET "${target}")
            foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
                get_target_property(linked ${target} ${property})
                foreach(library ${linked})
                    if(NOT known AND library MATCHES "^z360_|${wanted}")
                        z360_links(${library} ${wanted} known)
                    endif()
                endforeach()
            endforeach()
        endif()
        set_property(GLOBAL PROPERTY z360_${target}_links_${wanted} ${known})
    endif()
    set(${out} ${known} PARENT_SCOPE)
endfunction()

# Every library and program below the folder. Asio's headers have objects of their own that ask for its library: they
# are for targets that link it.
function(z360_precompile_below folder)
    get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target ${targets})
        get_target_property(type ${target} TYPE)
        if(type MATCHES "^(STATIC_LIBRARY|EXECUTABLE)$")
            z360_links(${target} z360_boost_impl asio)
            z360_links(${target} GTest::gtest gtest)
            set(headers z360_precompiled_std)
            if(asio)
                set(headers z360_precompiled_asio)
            endif()
            if(gtest)
                string(APPEND headers _tests)
            endif()
            # Not by target_precompile_headers(REUSE_FROM): it names a path for which ccache has no eyes, and each
            # checkout would compile everything for itself.
            target_compile_options(${target} PRIVATE
                "SHELL:-include-pch ${CMAKE_BINARY_DIR}/CMakeFiles/${headers}.dir/cmake_pch.hxx.pch")
            add_dependencies(${target} ${headers}_made)
        endif()
    endforeach()
    get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
    foreach(below ${folders})
        z360_precompile_below(${below})
    endforeach()
endfunction()

# Called when all targets are known.
function(z360_precompile)
    z360_add_precompiled(z360_precompiled_std HEADERS ${z360_precompiled_std})
    z360_add_precompiled(z360_precompiled_asio HEADERS ${z360_precompiled_std} ${z360_precompiled_asio})
    find_package(GTest QUIET) # where it is missing nothing links it
    if(GTest_FOUND)
        z360_add_precompiled(z360_precompiled_std_tests
            HEADERS ${z360_precompiled_std} <gtest/gtest.h> LINK GTest::gtest)
        z360_add_precompiled(z360_precompiled_asio_tests
            HEADERS ${z360_precompiled_std} ${z360_precompiled_asio} <gtest/gtest.h> LINK GTest::gtest)
    endif()
    z360_precompile_below(${CMAKE_SOURCE_DIR})
endfunction()

if(Z360_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    if(CMAKE_CXX_COMPILER_LAUNCHER)
        # ccache takes objects with precompiled headers only if it is told that this is meant; see scripts/lib/common.sh.
        set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=locale,pch_defines,time_macros CCACHE_PCH_EXTSUM=true
            ${CMAKE_CXX_COMPILER_LAUNCHER})
    endif()
    cmake_language(DEFER DIRECTORY ${CMAKE_SOURCE_DIR} CALL z360_precompile)
endif()
