# cmake -DOUTPUT=file.cpp -DOPENAPI=openapi.json -DPAGE=page.html -P embed_documents.cmake
# Puts the API's document and the page that shows it into one C++ file.
function(literal name path)
    file(READ ${path} text)
    set(${name} "R\"z360doc(${text})z360doc\"" PARENT_SCOPE)
endfunction()
literal(openapi ${OPENAPI})
literal(page ${PAGE})
file(WRITE ${OUTPUT}
"// Made from the contract by cmake/embed_documents.cmake; do not edit.
#include \"edge/api/documents.hpp\"

#pragma GCC diagnostic ignored \"-Woverlength-strings\"

namespace z360::edge::api {
std::string_view openapi_document() {
    return ${openapi};
}
std::string_view document_page() {
    return ${page};
}
} // namespace z360::edge::api
")
