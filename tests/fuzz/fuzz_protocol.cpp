// Every message an agent or a coordinator reads from the network, from arbitrary bytes. What decodes must encode, and
// the second reading must give the same text.
#include "protocol/ids.hpp"
#include "protocol/json.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

template <class Message> void read(std::string_view text)
{
    const auto first = xcopy::decode<Message>(text);
    if (!first)
        return;
    const std::string written = xcopy::encode(*first);
    const auto second = xcopy::decode<Message>(written);
    if (!second || xcopy::encode(*second) != written)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 10) {
    case 0:
        read<xcopy::CloneRequest>(text);
        break;
    case 1:
        read<xcopy::AttachRequest>(text);
        break;
    case 2:
        read<xcopy::RescanRequest>(text);
        break;
    case 3:
        read<xcopy::CloneStatus>(text);
        break;
    case 4:
        read<xcopy::Health>(text);
        break;
    case 5:
        read<xcopy::Device>(text);
        break;
    case 6:
        read<xcopy::ErrorReply>(text);
        break;
    case 7:
        read<xcopy::Source>(text);
        break;
    case 8:
        read<xcopy::ScriptVersion>(text);
        break;
    default:
        (void)xcopy::parse_job_id(text);
        (void)xcopy::parse_device_name(text);
    }
    return 0;
}
