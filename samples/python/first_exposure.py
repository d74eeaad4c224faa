"""The SDK from Python in one screen: decide, show, track, and say what was delivered.

    upswing serve --data data --catalog samples/feed_shop/catalog.json --insecure-no-auth
    python3 samples/python/first_exposure.py build/libupswing.so http://127.0.0.1:8080 d-1
"""

import sys
import time

from upswing import Client, Subject


def main(library, server_url, device_id):
    with Client(library, server_url=server_url) as client:
        # An app would show its defaults meanwhile; this program waits, at most ten seconds, for the first catalog.
        for _ in range(100):
            if client.stats().catalog_version != 0:
                break
            time.sleep(0.1)

        device = Subject(client, device=device_id).set("member_tier", "gold")
        one_tap = client.flag("checkout.one_tap", device, False)
        print("one-tap checkout:", "on" if one_tap else "off")
        decision = client.peek("one_tap", device)
        print(f"variant: {str(decision.variant) or 'none'}, {client.reason(decision)}")
        client.track(device, "purchase", 129.00, {"category": "beauty"})

        result = client.close(10_000)
        print(f"{result.sent} records delivered, {result.kept} kept, {result.dropped} dropped")
        return 0 if result.sent > 0 and result.dropped == 0 else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: first_exposure.py LIBRARY SERVER_URL DEVICE_ID")
    sys.exit(main(*sys.argv[1:]))
