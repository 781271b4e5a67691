// Whatever a vCenter answers, reading it ends, and no disk is matched by a path that is not its own.
#include "coordinator/vsphere/host_view.hpp"
#include "coordinator/vsphere/source_disk.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace xcopy::vsphere;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)normal_path(text);
    (void)naa_of_vml(text);
    (void)guid_in_options(text);
    (void)unescaped_name(text);
    std::optional<Fault> fault;
    const auto answer = read_answer(text, fault);
    if (fault)
        (void)error_of(*fault);
    if (!answer)
        return 0;
    Objects objects;
    (void)read_page(*answer, objects);
    for (const auto& object : objects.all) {
        (void)read_host(object);
        (void)read_datastore(object);
        for (const auto& [path, value] : object.values) {
            (void)read_adapters(elements(value));
            (void)read_devices(elements(value), elements(value));
            (void)read_mounts(value);
            (void)allocated_bytes(value, 2000);
            const auto disks = read_disks(value);
            for (const auto& disk : disks)
                for (const auto& level : disk.levels) {
                    const auto match = match_disk(disks, level.file, "vm");
                    if (!match || disks[match->disk].levels[match->level].file != normal_path(level.file))
                        std::abort();
                }
        }
    }
    return 0;
}
