"""What a receiver holds, as JSON lines of a key and the record in the order of arrival.

index ADDRESS INDEX           documents of Elasticsearch, in the order in which they were made, by Elastic's own client; an empty
                              line where there is no such index yet
template ADDRESS FILE         makes the index template in that file
bucket ADDRESS FOLDER         objects of SeaweedFS, fetched into a new folder; a line of JSON for each object
"""

import gzip
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

WHAT, ADDRESS, MORE = sys.argv[1:4]
PAGE = 10_000


def index() -> None:
    from elasticsearch import Elasticsearch, NotFoundError

    # A large page takes the server longer than the ten seconds that the client is content with.
    client = Elasticsearch(ADDRESS, request_timeout=120)
    documents, behind = [], 0
    try:
        client.indices.refresh(index=MORE)
        while True:
            # Numbers of documents are given as they are made.
            found = client.search(index=MORE, size=PAGE, seq_no_primary_term=True, query={"range": {"event.sequence": {"gte": behind}}}, sort=["event.sequence"])
            hits = [hit for hit in found["hits"]["hits"] if hit["_id"] not in {one["_id"] for one in documents[-PAGE:]}]
            if not hits:
                break
            documents += hits
            behind = documents[-1]["_source"]["event"]["sequence"]
    except NotFoundError:
        return
    for document in sorted(documents, key=lambda document: document["_seq_no"]):
        print(json.dumps({"key": document["_id"], "record": document["_source"]}))


def template() -> None:
    from elasticsearch import Elasticsearch

    print(json.dumps(Elasticsearch(ADDRESS).indices.put_index_template(name="ephor", **json.loads(Path(MORE).read_text())).body))


def bucket(address: str, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    listing = urllib.request.Request(f"{address}?limit=100000", headers={"accept": "application/json"})
    try:
        with urllib.request.urlopen(listing) as answer:
            entries = json.load(answer)["Entries"] or []
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        return
    for entry in entries:
        name = entry["FullPath"].rsplit("/", 1)[1]
        if entry["Mode"] & (1 << 31):
            bucket(f"{address}{name}/", to / name)
            continue
        # Without this word SeaweedFS unpacks what is named .gz on the way.
        asked = urllib.request.Request(f"{address}{name}", headers={"accept-encoding": "gzip"})
        with urllib.request.urlopen(asked) as answer:
            lines = gzip.decompress(answer.read()).decode().splitlines()
        print(json.dumps([{"key": json.loads(line)["id"], "text": line} for line in lines]))


if WHAT == "bucket":
    bucket(ADDRESS, Path(MORE))
else:
    {"index": index, "template": template}[WHAT]()
