"""A collector of traces: receives OTLP over HTTP and writes each span as a line of JSON to standard output.

It parses the spans with OpenTelemetry's own protocol definitions. The first line has the port.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

KINDS = {1: "internal", 2: "server", 3: "client"}


def values(attributes):
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}


def lines(request, key, path):
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {
                    "resource": values(resource.resource.attributes),
                    "trace": span.trace_id.hex(),
                    "id": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "name": span.name,
                    "kind": KINDS.get(span.kind, str(span.kind)),
                    "begin": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano,
                    "is_error": span.status.code == 2,
                    "attributes": values(span.attributes),
                    "key": key,
                    "path": path,
                    "events": [e.name for e in span.events],
                    "everything": str(span),
                }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # A collector can have any path, so each span has the path of its request.
        is_protobuf = self.headers["Content-Type"] == "application/x-protobuf"
        if not is_protobuf:
            self.send_error(400)
            return
        key = self.headers.get("X-Key", "")
        for line in lines(ExportTraceServiceRequest.FromString(body), key, self.path):
            print(json.dumps(line), flush=True)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Handler)
print(json.dumps({"port": server.server_port}), flush=True)
server.serve_forever()
