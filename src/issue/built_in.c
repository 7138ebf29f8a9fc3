#include "issue/built_in.h"

#include <stddef.h>

#define ANY_KEY "\"key_types\":[\"rsa:2048-4096\",\"ec:p256\",\"ec:p384\",\"ec:p521\",\"ed25519\"]"
#define ORGANISATION                                                                          \
    "{\"type\":\"O\"},{\"type\":\"OU\"},{\"type\":\"L\"},{\"type\":\"ST\"},{\"type\":\"C\"}," \
    "{\"type\":\"DC\"}"
#define SERVER_NAMES                                      \
    "\"subject\":[{\"type\":\"CN\"}," ORGANISATION        \
    "],\"san_dns\":\"optional\",\"san_ip\":\"optional\"," \
    "\"san_uri\":\"optional\",\"san_required\":true,\"wildcards\":\"leftmost\""
#define USAGE(eku) "\"key_usage\":[\"digitalSignature\",\"keyEncipherment\"],\"eku\":[" eku "]"

const struct built_in_template built_in_templates[] = {
    { "WebServer", "Web Server",
      "{" ANY_KEY "," SERVER_NAMES
      "," USAGE("\"serverAuth\"") ",\"validity\":\"90d\",\"validity_max\":\"398d\"}" },
    { "tls-server", "TLS Server",
      "{" ANY_KEY "," SERVER_NAMES
      "," USAGE("\"serverAuth\"") ",\"validity\":\"90d\",\"validity_max\":\"398d\"}" },
    { "tls-client", "TLS Client",
      "{" ANY_KEY ",\"subject\":[{\"type\":\"CN\",\"mode\":\"required\"},{\"type\":"
      "\"emailAddress\"}," ORGANISATION
      "],\"san_dns\":\"optional\",\"san_uri\":\"optional\",\"san_email\":\"optional\",\"cn_to_"
      "san\":false,\"key_usage\":[\"digitalSignature\"],\"eku\":[\"clientAuth\"],\"validity\":"
      "\"90d\",\"validity_max\":\"398d\"}" },
    { "tls-mutual", "TLS Server and Client",
      "{" ANY_KEY "," SERVER_NAMES "," USAGE(
          "\"serverAuth\",\"clientAuth\"") ",\"validity\":\"90d\",\"validity_max\":\"398d\"}" },
    { "KubernetesWorkload", "Kubernetes Workload",
      "{" ANY_KEY "," SERVER_NAMES "," USAGE(
          "\"serverAuth\",\"clientAuth\"") ",\"validity\":\"90d\",\"validity_max\":\"398d\"}" },
    { "device", "Device",
      "{" ANY_KEY ",\"subject\":[{\"type\":\"CN\",\"mode\":\"required\"},{\"type\":"
      "\"serialNumber\"}," ORGANISATION
      "],\"san_dns\":\"optional\",\"san_ip\":\"optional\",\"san_uri\":\"optional\","
      "\"san_device\":\"optional\"," USAGE(
          "\"clientAuth\",\"serverAuth\"") ",\"validity\":\"365d\",\"validity_max\":\"1825d\"}" },
    { NULL, NULL, NULL },
};
