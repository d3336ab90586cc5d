#ifndef PACKETBOAT_CLI_UP_ENDPOINTS_H_
#define PACKETBOAT_CLI_UP_ENDPOINTS_H_

#include <string>
#include <vector>

#include "role/service.h"

namespace packetboat::cli {

// What a script needs to drive a cluster: the content of the file that `--endpoints` names, as
// JSON.
struct Endpoints {
  struct Process {
    std::string role;
    std::string name;
    int pid = 0;
    std::string data;                  // folder
    std::vector<std::string> restart;  // argv
  };

  std::string domain;  // the first that is hosted, or empty
  std::string ca;      // what clients of SMTP and IMAP trust
  std::string name;    // of the process that listens
  std::vector<role::Listening> listeners;
  // Passwords are not known: they are null.
  std::vector<std::string> users;
  std::vector<Process> processes;

  std::string ToJson() const;
};

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_UP_ENDPOINTS_H_
