"""nginx in front of feedpass' public listener, for verifiers that insist on https."""

import scenario

CONFIG = """
# A user namespace has root alone, and does not let a worker process change its groups.
user root;
daemon off;
master_process off;
error_log stderr warn;
pid {work}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {work}/nginx;
    proxy_temp_path {work}/nginx;
    fastcgi_temp_path {work}/nginx;
    scgi_temp_path {work}/nginx;
    uwsgi_temp_path {work}/nginx;
    server {{
        listen 127.0.0.1:443 ssl;
        ssl_certificate {work}/server.pem;
        ssl_certificate_key {work}/server.key;
        location / {{
            proxy_pass http://127.0.0.1:8080;
            proxy_set_header Host $host;
        }}
    }}
}}
"""


def start(work):
    """Terminates TLS on 127.0.0.1:443 with the certificate in `work`."""
    config = work / "nginx.conf"
    config.write_text(CONFIG.format(work=work))
    return scenario.Process("nginx", "-e", "stderr", "-c", config)
