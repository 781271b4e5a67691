// Answers of `esxcli --formatter=xml` as documented (facts/esxi.md 6), invented values.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace xcopy::test {

inline std::string output(const std::string& root)
{
    return "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
           "<output xmlns=\"http://www.vmware.com/Products/ESX/5.0/esxcli\">\n<root>" +
           root + "</root>\n</output>\n";
}

// Fields as {"string:Name", "value"}.
inline std::string structure(const std::vector<std::pair<std::string, std::string>>& fields)
{
    std::string xml = "<structure typeName=\"Whatever\">";
    for (const auto& [key, value] : fields) {
        const auto colon = key.find(':');
        const std::string type = key.substr(0, colon);
        xml += "<field name=\"" + key.substr(colon + 1) + "\"><" + type + ">" + value + "</" + type + "></field>\n";
    }
    return xml + "</structure>\n";
}

inline std::string list(const std::string& structures)
{
    return output("<list type=\"structure\">" + structures + "</list>");
}

} // namespace xcopy::test
