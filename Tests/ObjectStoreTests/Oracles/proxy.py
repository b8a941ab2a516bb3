"""A TCP proxy in front of an HTTP server, which fails as it is told.

    proxy.py PORT TARGET_PORT [--cut-after BYTES] [--answers LIST] [--tls FOLDER]

SIGUSR1, or so many bytes from clients, cuts every connection and all that come later; SIGUSR2 ends
that for good. LIST is for the first connections, one word each, separated by commas: a status such
as 503, which the proxy answers itself, `drop`, which lets the request through and closes before its
answer, or `pass`. With --tls it speaks TLS with a certificate of its own, cert.pem in FOLDER.
Prints a line when it listens, and ends when its parent is gone.
"""
import argparse
import datetime
import ipaddress
import os
import signal
import socket
import ssl
import threading
import time


class Proxy:
    def __init__(self, arguments):
        self.target = arguments.target
        self.cut_after = arguments.cut_after
        self.answers = arguments.answers.split(",") if arguments.answers else []
        self.is_cut = False
        self.passed = 0
        self.open = set()
        self.lock = threading.Lock()
        signal.signal(signal.SIGUSR1, lambda *_: self.cut())
        signal.signal(signal.SIGUSR2, lambda *_: self.heal())

    def cut(self):
        self.is_cut = True
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def heal(self):
        self.cut_after = None
        self.is_cut = False

    def serve(self, client):
        with self.lock:
            fate = self.answers.pop(0) if self.answers else "pass"
        server = None
        self.open.add(client)
        try:
            if self.is_cut:
                return
            if fate.isdigit():
                read_request(client)
                client.sendall(f"HTTP/1.1 {fate} Injected\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n".encode())
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            self.open.add(server)
            if fate == "drop":
                server.sendall(read_request(client))
                server.recv(1)
                return
            threading.Thread(target=self.answer, args=(server, client), daemon=True).start()
            while data := client.recv(65_536):
                self.passed += len(data)
                if self.cut_after is not None and self.passed > self.cut_after:
                    self.cut()
                    return
                server.sendall(data)
        except OSError:
            pass
        finally:
            for connection in (client, server):
                self.open.discard(connection)
                if connection:
                    connection.close()

    def answer(self, server, client):
        try:
            while data := server.recv(65_536):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def read_request(client):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65_536)
        if not piece:
            return data
        data += piece
    head = data.split(b"\r\n\r\n")[0]
    size = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                 if line.lower().startswith(b"content-length:")), 0)
    while len(data) < len(head) + 4 + size:
        data += client.recv(65_536)
    return data


def certificate(folder):
    """A context with a new certificate for 127.0.0.1, which vouches for itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
    with open(f"{folder}/key.pem", "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM,
                                     serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
    with open(f"{folder}/cert.pem", "wb") as file:
        file.write(cert.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    return context


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("target", type=int)
    parser.add_argument("--cut-after", type=int)
    parser.add_argument("--answers")
    parser.add_argument("--tls")
    arguments = parser.parse_args()
    parent = os.getppid()
    proxy = Proxy(arguments)
    context = certificate(arguments.tls) if arguments.tls else None
    listener = socket.create_server(("127.0.0.1", arguments.port), backlog=64)

    def accept():
        while True:
            client, _ = listener.accept()
            try:
                if context:
                    client = context.wrap_socket(client, server_side=True)
            except OSError:
                continue
            threading.Thread(target=proxy.serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print("listening", flush=True)
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


main()
