#include "coordinator/vsphere/properties.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcopy::vsphere {

namespace {

constexpr int most_pages = 1000;
constexpr std::size_t most_objects = 200000;

std::string reference(const std::string& name)
{
    return "<selectSet>" + element("name", name) + "</selectSet>";
}

// The order of the elements is the WSDL's; real servers insist on it.
std::string selection(const Hop& hop)
{
    std::string next;
    for (const auto& name : hop.next)
        next += reference(name);
    return fmt::format(R"(<selectSet xsi:type="TraversalSpec">{}{}{}<skip>{}</skip>{}</selectSet>)",
                       element("name", hop.name), element("type", hop.type), element("path", hop.path),
                       hop.include_start ? "false" : "true", next);
}

} // namespace

std::string retrieve_call(const Ref& property_collector, const Wanted& wanted)
{
    std::string paths;
    for (const auto& path : wanted.paths)
        paths += element("pathSet", path);
    std::string hops;
    for (const auto& hop : wanted.hops)
        hops += selection(hop);
    std::string starts;
    for (const auto& start : wanted.start)
        starts += fmt::format("<objectSet>{}<skip>{}</skip>{}</objectSet>", element("obj", start),
                              wanted.skip_start ? "true" : "false", hops);
    return fmt::format(
        R"(<RetrievePropertiesEx xmlns="urn:vim25">{}<specSet><propSet>{}{}</propSet>{}</specSet><options/>)"
        R"(</RetrievePropertiesEx>)",
        element("_this", property_collector), element("type", wanted.type), paths, starts);
}

pugi::xml_node Object::value(const std::string& path) const
{
    const auto found = values.find(path);
    return found == values.end() ? pugi::xml_node() : found->second;
}

std::optional<Error> Object::why_missing(const std::string& path) const
{
    const auto found = missing.find(path);
    if (found == missing.end())
        return std::nullopt;
    return error_of(found->second).in(fmt::format("read {} of {}", path, ref.id));
}

const Object* Objects::find(const Ref& ref) const
{
    const auto found = std::ranges::find(all, ref, &Object::ref);
    return found == all.end() ? nullptr : &*found;
}

std::string read_page(const Answer& answer, Objects& into)
{
    into.documents.push_back(answer.document);
    const auto returned = child(answer.response, "returnval"); // absent where nothing matches
    for (const auto& each : children(returned, "objects")) {
        auto ref = ref_of(child(each, "obj"));
        if (!ref)
            continue;
        Object object{.ref = std::move(*ref), .values = {}, .missing = {}};
        for (const auto& property : children(each, "propSet"))
            object.values.insert_or_assign(text_of(property, "name"), child(property, "val"));
        for (const auto& missing : children(each, "missingSet"))
            object.missing.insert_or_assign(text_of(missing, "path"), read_localized(child(missing, "fault")));
        into.all.push_back(std::move(object));
    }
    return text_of(returned, "token");
}

Result<Objects> retrieve(Session& session, const Call& call, const Wanted& wanted)
{
    const auto content = session.content(call);
    if (!content)
        return content.error();
    const auto& collector = (*content)->property_collector;
    Objects objects;
    if (wanted.start.empty())
        return objects;
    auto body = retrieve_call(collector, wanted);
    for (int page = 0; page < most_pages && objects.all.size() < most_objects; ++page) {
        auto answer = session.read(call, body);
        if (!answer)
            return answer.error();
        const auto token = read_page(*answer, objects);
        if (token.empty())
            return objects;
        body = fmt::format(R"(<ContinueRetrievePropertiesEx xmlns="urn:vim25">{}{}</ContinueRetrievePropertiesEx>)",
                           element("_this", collector), element("token", token));
    }
    return Error{Errc::failed, "vCenter's answer has no end", "", "vsphere_bad_reply"};
}

} // namespace xcopy::vsphere
