// Which fields a resource has, and when they are shown.
#include "tests/lab/arrays/ontap/records.hpp"

#include <cstdio>

namespace lab::ontap {

Release release_of(const Switches& switches)
{
    Release parsed;
    (void)std::sscanf(switches.version.c_str(), "%d.%d.%d", &parsed.generation, &parsed.major, &parsed.minor);
    return parsed;
}

bool release_at_least(const Switches& switches, int major, int minor)
{
    const auto have = release_of(switches);
    return have.generation > 9 || have.major > major || (have.major == major && have.minor >= minor);
}

Schema lun_schema(const Switches& switches)
{
    Schema schema{.identity = {"uuid", "name", "svm"},
                  .expensive = {"lun_maps", "status.mapped", "copy"},
                  .known = {"uuid",
                            "name",
                            "svm",
                            "serial_number",
                            "class",
                            "os_type",
                            "enabled",
                            "space",
                            "status",
                            "location",
                            "lun_maps",
                            "copy",
                            "movement",
                            "attributes",
                            "vvol",
                            "comment",
                            "create_time",
                            "auto_delete",
                            "qos_policy",
                            "metric",
                            "statistics",
                            "clone",
                            "consistency_group",
                            "_links"}};
    if (switches.serial_hex)
        schema.known.insert("serial_number_hex");
    return schema;
}

Schema igroup_schema()
{
    return {.identity = {"uuid", "name", "svm"},
            .expensive = {"lun_maps", "connectivity_tracking"},
            .known = {"uuid", "name", "svm", "protocol", "os_type", "initiators", "igroups", "parent_igroups",
                      "lun_maps", "portset", "delete_on_unmap", "supports_igroups", "replication",
                      "connectivity_tracking", "comment", "_links"}};
}

Schema initiator_schema()
{
    return {.identity = {"name"}, .expensive = {}, .known = {"name", "comment", "igroup", "proximity", "_links"}};
}

Schema map_schema()
{
    return {.identity = {"svm", "lun.uuid", "lun.name", "igroup.uuid", "igroup.name"},
            .expensive = {"reporting_nodes"},
            .known = {"svm", "lun", "igroup", "logical_unit_number", "reporting_nodes", "_links"}};
}

Schema svm_schema()
{
    return {.identity = {"uuid", "name"},
            .expensive = {},
            .known = {"uuid", "name", "state", "subtype", "iscsi", "fcp", "nvme", "aggregates", "_links"}};
}

Schema node_schema()
{
    return {.identity = {"uuid", "name"},
            .expensive = {},
            .known = {"uuid", "name", "model", "serial_number", "version", "state", "ha", "_links"}};
}

Schema cluster_schema(const Switches& switches)
{
    Schema schema{.identity = {},
                  .expensive = {},
                  .known = {"name", "uuid", "version", "san_optimized", "contact", "location", "_links"}};
    if (release_at_least(switches, 16, 1))
        schema.known.insert("disaggregated");
    return schema;
}

} // namespace lab::ontap
