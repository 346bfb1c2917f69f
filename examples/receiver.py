"""An HTTP server that does the work of a step type: the other side of `execution_type: api`.

Started first; then `register_shout.json` is registered, and `registered_step.json` run. A port may be given.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Shout(BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # the name is prescribed by http.server
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps({"text": f"{request['input_data']['text']}!".upper()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8700), Shout)
    print(f"receiving at http://127.0.0.1:{server.server_port}/shout", flush=True)
    server.serve_forever()
