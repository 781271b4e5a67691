// The rules of initiator groups.
#include "tests/lab/arrays/ontap/state.hpp"

#include <algorithm>
#include <array>

namespace lab::ontap {

namespace {

constexpr int deepest_nesting = 3;

std::optional<Protocol> parse_protocol(std::string_view text)
{
    if (text == "fcp")
        return Protocol::fcp;
    if (text == "iscsi")
        return Protocol::iscsi;
    if (text == "mixed")
        return Protocol::mixed;
    return std::nullopt;
}

bool known_os_type(std::string_view text)
{
    constexpr std::array<std::string_view, 10> known = {"aix",     "hpux",    "hyper_v", "linux",   "netware",
                                                        "openvms", "solaris", "vmware",  "windows", "xen"};
    return std::ranges::find(known, text) != known.end();
}

bool good_name(std::string_view name)
{
    return !name.empty() && name.size() <= 96 && std::ranges::all_of(name, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("-_.:").find(c) != std::string_view::npos;
    });
}

Refusal missing_igroup()
{
    return {"5374852", "The initiator group does not exist.", "igroup.uuid"};
}

} // namespace

bool State::mapped(const Igroup& group) const
{
    if (std::ranges::any_of(maps_, [&](const LunMap& map) { return map.igroup == group.uuid; }))
        return true;
    return std::ranges::any_of(igroups_, [&](const Igroup& parent) {
        return std::ranges::find(parent.children, group.uuid) != parent.children.end() && mapped(parent);
    });
}

int State::depth_below(const Igroup& group) const
{
    int deepest = 0;
    for (const auto& child : group.children)
        deepest = std::max(deepest, 1 + depth_below(*find_igroup(child)));
    return deepest;
}

int State::depth_above(const Igroup& group) const
{
    int highest = 0;
    for (const auto& parent : igroups_) {
        if (std::ranges::find(parent.children, group.uuid) != parent.children.end())
            highest = std::max(highest, 1 + depth_above(parent));
    }
    return highest;
}

Answer<const Igroup*> State::create_igroup(const NewIgroup& wanted)
{
    if (!good_name(wanted.name))
        return Refusal{"5373958", "The initiator group name \"" + wanted.name + "\" is invalid.", "name"};
    auto same_name = [&](const Igroup& group) { return group.svm == wanted.svm && group.name == wanted.name; };
    if (std::ranges::any_of(igroups_, same_name))
        return Refusal{"5374023", "An initiator group named \"" + wanted.name + "\" already exists.", "name"};
    const auto protocol = parse_protocol(wanted.protocol);
    if (!protocol)
        return Refusal{"2", "The value \"" + wanted.protocol + "\" is invalid for \"protocol\".", "protocol"};
    if (!known_os_type(wanted.os_type))
        return Refusal{"2", "The value \"" + wanted.os_type + "\" is invalid for \"os_type\".", "os_type"};
    if (!wanted.initiators.empty() && !wanted.children.empty())
        return Refusal{"2", "An initiator group has initiators or initiator groups, not both.", "igroups"};

    igroups_.push_back({.order = next_order_++,
                        .uuid = names_.next_uuid(),
                        .svm = wanted.svm,
                        .name = wanted.name,
                        .protocol = *protocol,
                        .os_type = wanted.os_type,
                        .initiators = {},
                        .children = {},
                        .as_given = {},
                        .delete_on_unmap = wanted.delete_on_unmap});
    const auto uuid = igroups_.back().uuid;
    Answer<void> filled = boost::system::in_place_value;
    for (auto name = wanted.initiators.begin(); filled && name != wanted.initiators.end(); ++name)
        filled = insert_initiator(igroups_.back(), *name, "5374732");
    for (auto child = wanted.children.begin(); filled && child != wanted.children.end(); ++child)
        filled = add_child(uuid, *child);
    if (!filled) {
        igroups_.pop_back(); // all of it or nothing
        return filled.error();
    }
    return &igroups_.back();
}

Answer<void> State::delete_igroup(const std::string& uuid, bool while_mapped)
{
    const auto* group = find_igroup(uuid);
    if (!group)
        return missing_igroup();
    if (!while_mapped && mapped(*group))
        return Refusal{"1254213", "The initiator group \"" + group->name + "\" is mapped to LUNs.", ""};

    std::erase_if(maps_, [&](const LunMap& map) { return map.igroup == uuid; });
    for (auto& parent : igroups_)
        std::erase(parent.children, uuid);
    std::erase_if(igroups_, [&](const Igroup& other) { return other.uuid == uuid; });
    show();
    return {};
}

Answer<void> State::insert_initiator(Igroup& group, const std::string& text, const char* os_type_code)
{
    auto name = parse_initiator(text, group.protocol);
    if (!name)
        return name.error();
    if (!group.children.empty())
        return Refusal{"2", "An initiator group has initiators or initiator groups, not both.", "name"};
    if (std::ranges::find(group.initiators, *name) != group.initiators.end())
        return Refusal{"5374035", "The initiator \"" + *name + "\" is already in this group.", "name"};
    for (const auto& other : igroups_) {
        if (other.svm == group.svm && other.os_type != group.os_type &&
            std::ranges::find(other.initiators, *name) != other.initiators.end())
            return Refusal{os_type_code,
                           "The initiator \"" + *name + "\" is in the group \"" + other.name +
                               "\" which has another OS type.",
                           "name"};
    }

    group.initiators.push_back(*name);
    if (auto refusal = seen_twice({*name}, group.svm)) {
        group.initiators.pop_back();
        return *refusal;
    }
    group.as_given[*name] = text;
    return {};
}

Answer<void> State::add_initiator(const std::string& uuid, const std::string& text)
{
    auto* group = igroup(uuid);
    if (!group)
        return missing_igroup();
    auto added = insert_initiator(*group, text, "5374734");
    show();
    return added;
}

Answer<void> State::remove_initiator(const std::string& uuid, const std::string& text, bool while_mapped)
{
    auto* group = igroup(uuid);
    if (!group)
        return missing_igroup();
    const auto name = lower(text);
    const auto found = std::ranges::find(group->initiators, name);
    if (found == group->initiators.end()) {
        const auto nested = initiators_of(*group);
        if (std::ranges::find(nested, name) != nested.end())
            return Refusal{"5374041", "The initiator \"" + name + "\" is owned by a nested initiator group.", "name"};
        return Refusal{"5374034", "The initiator \"" + name + "\" is not in this group.", "name"};
    }
    if (!while_mapped && mapped(*group))
        return Refusal{"1254213", "The initiator group \"" + group->name + "\" is mapped to LUNs.", ""};
    group->initiators.erase(found);
    group->as_given.erase(name);
    show();
    return {};
}

Answer<void> State::add_child(const std::string& uuid, const std::string& child_uuid)
{
    auto* group = igroup(uuid);
    const auto* child = find_igroup(child_uuid);
    if (!group || !child || child->svm != group->svm)
        return missing_igroup();
    if (!group->initiators.empty())
        return Refusal{"2", "An initiator group has initiators or initiator groups, not both.", "igroups"};
    if (child->os_type != group->os_type || child->protocol != group->protocol)
        return Refusal{"2", "A nested initiator group has the OS type and protocol of its parent.", "igroups"};
    // A circle would show as the child already reaching down to the group.
    for (std::vector<std::string> below = {child_uuid}; !below.empty();) {
        const auto next = below.back();
        below.pop_back();
        if (next == uuid || std::ranges::find(group->children, child_uuid) != group->children.end())
            return Refusal{"2", "The initiator groups would nest in a circle or twice.", "igroups"};
        const auto& children = find_igroup(next)->children;
        below.insert(below.end(), children.begin(), children.end());
    }
    // Depth counts levels of groups.
    if (depth_above(*group) + 2 + depth_below(*child) > deepest_nesting)
        return Refusal{"2", "Initiator groups nest three levels deep at most.", "igroups"};

    group->children.push_back(child_uuid);
    if (auto refusal = seen_twice(initiators_of(*child), group->svm)) {
        group->children.pop_back();
        return *refusal;
    }
    show();
    return {};
}

} // namespace lab::ontap
