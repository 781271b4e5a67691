# cmake -DIN=file -DOUT=file.cpp -DNAME=carried_script -DHEADER=path -P embed.cmake: the bytes of a file as a function that gives them, and their SHA-256.
file(READ ${IN} hex HEX)
file(SHA256 ${IN} sum)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
string(REGEX REPLACE "(('[^']*',){24})" "\\1\n    " bytes "${bytes}")
file(WRITE ${OUT} "// Made by the build of ${NAME}; see cmake/embed.cmake.
#include \"${HEADER}\"

namespace {
constexpr char bytes[] = {
    ${bytes}
};
} // namespace

std::string_view xcopy::${NAME}_bytes()
{
    return {bytes, sizeof bytes};
}

std::string_view xcopy::${NAME}_sha256()
{
    return \"${sum}\";
}
")
