# cmake -DOUTPUT=file.cpp -DFOLDER=migrations -P embed_sql.cmake
# Puts every migration (NNNN_name.sql) into one C++ file with its SHA-256.
file(GLOB files ${FOLDER}/*.sql)
list(SORT files)
set(entries "")
foreach(path IN LISTS files)
    get_filename_component(file ${path} NAME)
    if(NOT file MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)\\.sql$")
        message(FATAL_ERROR "migrations/${file}: name it NNNN_words.sql")
    endif()
    math(EXPR version "1${CMAKE_MATCH_1} - 10000")
    set(name ${CMAKE_MATCH_2})
    file(READ ${path} sql)
    file(SHA256 ${path} checksum)
    string(APPEND entries "    {${version}, \"${name}\", \"${checksum}\", R\"z360sql(${sql})z360sql\"},\n")
endforeach()
file(WRITE ${OUTPUT}
"// Made from migrations/*.sql by cmake/embed_sql.cmake; do not edit.
#include \"adapter/postgres/ops/migrate.hpp\"

#include <array>

namespace z360::adapter::postgres {
namespace {
constexpr auto k_migrations = std::to_array<migration>({
${entries}});
} // namespace

std::span<const migration> embedded_migrations() {
    return k_migrations;
}
} // namespace z360::adapter::postgres
")
