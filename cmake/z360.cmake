# z360_library(NAME [ROOMS folders...] [LINK libs...]): a static library of every .cpp directly in the folder and in
# its rooms, which are folders below it.
# Sources under include/ are contracts and belong to no library.
function(z360_library name)
    cmake_parse_arguments(ARG "" "" "LINK;SOURCES;ROOMS" ${ARGN})
    if(ARG_SOURCES)
        set(sources ${ARG_SOURCES})
    else()
        set(patterns ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
        foreach(room IN LISTS ARG_ROOMS)
            list(APPEND patterns ${CMAKE_CURRENT_SOURCE_DIR}/${room}/*.cpp)
        endforeach()
        file(GLOB sources CONFIGURE_DEPENDS ${patterns})
    endif()
    if(NOT sources)
        message(FATAL_ERROR "${name}: no sources in ${CMAKE_CURRENT_SOURCE_DIR}")
    endif()
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC z360_options ${ARG_LINK})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
    string(REPLACE "z360_" "z360::" alias ${name})
    add_library(${alias} ALIAS ${name})
endfunction()

# z360_test(NAME LABEL label [TIMEOUT seconds] [PARALLEL] SOURCES ... LINK ...): one GoogleTest program under CTest.
include(GoogleTest)
function(z360_test name)
    cmake_parse_arguments(ARG "PARALLEL" "LABEL;TIMEOUT" "SOURCES;LINK" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name} PRIVATE
        Z360_SOURCE_DIR="${CMAKE_SOURCE_DIR}" Z360_BINARY_DIR="${CMAKE_BINARY_DIR}"
        Z360_CONTRACT_DATA="${Z360_CONTRACT_DATA}")
    set_property(GLOBAL APPEND PROPERTY z360_test_programs ${name})
    # tests_unit and the like: what one label needs, without building the rest.
    if(NOT TARGET tests_${ARG_LABEL})
        add_custom_target(tests_${ARG_LABEL})
    endif()
    add_dependencies(tests_${ARG_LABEL} ${name})
    # Integration tests measure times and stop servers: one at a time, whatever else ctest runs in parallel. PARALLEL is
    # for those that do neither.
    set(serial OFF)
    if(NOT ARG_PARALLEL AND ARG_LABEL MATCHES "^(integration|cluster)$")
        set(serial ON)
    endif()
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
        PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL ${serial})
endfunction()
