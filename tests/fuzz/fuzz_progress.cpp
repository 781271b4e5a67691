// Whatever vmkfstools prints and wherever it is cut, the percentage stays one and does not depend on the cut.
#include "agent/esxi/clone_progress.hpp"
#include "agent/esxi/vmkfstools_errors.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

xcopy::CloneProgress followed(std::string_view text, std::size_t cut)
{
    xcopy::CloneProgress progress;
    xcopy::CloneProgress::Stream stream;
    stream.feed(text.substr(0, cut), progress);
    stream.feed(text.substr(cut), progress);
    return progress;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto whole = followed(text, size);
    const auto cut = followed(text, size == 0 ? 0 : data[0] % size);
    if (whole.percent() < 0 || whole.percent() > 100 || whole.percent() != cut.percent())
        std::abort();
    if (whole.last_line().size() > 512)
        std::abort();
    xcopy::explain_vmkfstools(whole.last_line());
    return 0;
}
