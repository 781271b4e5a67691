// What every driver asks of the array's secret, and all its problems in one message.
#pragma once

#include "protocol/error.hpp"
#include "vendors/array_config.hpp"
#include "vendors/rest/api.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace xcopy {

class ConfigCheck {
public:
    // `array` is how errors call it ("NetApp ONTAP"), `page` its page below docs/arrays ("ontap").
    ConfigCheck(const ArrayConfig& config, std::string_view array, std::string_view page);

    void need_account(); // STORAGE_USERNAME and STORAGE_PASSWORD
    // A key of the vendor: its value, trimmed; a problem when empty. Where it has a form (text.hpp's parts_of), one that
    // does not fit is a problem too: it "is not `what`".
    std::string need(const std::string& key, const char* form = nullptr, std::string_view what = "");
    std::string may_have(const std::string& key, const char* form = nullptr, std::string_view what = "");
    // Items that are separated so: of each what the brackets of the form hold. One that does not fit "is no `what`".
    std::vector<std::vector<std::string>> list(const std::string& key, char separator, const char* form,
                                               std::string_view what);
    int number(const std::string& key, int from, int to, int where_absent);
    void complain(std::string problem);

    // Base URL, TLS, and the array's name for errors, from the secret; the vendor adds the rest. `default_port` is used
    // where STORAGE_HOSTNAME names none and is not 443; `second_port`, where given, if nothing listens there then.
    // Errc::bad_request with every problem found so far.
    Result<rest::ApiRules> rules(int default_port = 443, int second_port = 0);

private:
    const ArrayConfig& config_;
    std::string array_;
    std::string page_;
    std::vector<std::string> problems_;
};

} // namespace xcopy
