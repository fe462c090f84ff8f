"""CloudFront functions that read KeyValueStores, which the emulator lacks.

The emulator runs CloudFront functions in Node, and keeps KeyValueStores, but lets no function read one. Here a function sees the
stores that it is associated with, as they are when the request comes: no edge location is ever behind, as some are on AWS for
seconds. Of the helper methods there are `get` (as text or JSON), `exists` and `count`.
"""

import json
import re
from urllib.parse import unquote

IMPORT = re.compile(r"""^[ \t]*import\s+(\w+)\s+from\s+['"]cloudfront['"][ \t]*;?[ \t]*$""", re.MULTILINE)

MODULE = """const %s = (() => {
  const stores = %s;
  const has = (items, key) => Object.prototype.hasOwnProperty.call(items, key);
  const open = items => ({
    get: async (key, options) => {
      if (!has(items, key)) throw new Error("KeyNotFound");
      return options && options.format === "json" ? JSON.parse(items[key]) : items[key];
    },
    exists: async key => has(items, key),
    count: async () => Object.keys(items).length,
  });
  return {
    kvs: id => {
      const named = id === undefined ? Object.keys(stores)[0] : id;
      if (named === undefined || !has(stores, named)) throw new Error("no such KeyValueStore is associated with the function");
      return open(stores[named]);
    },
  };
})();"""


def stores_of(code):
    """The keys and values of the stores that the function with this code is associated with, by the stores' ids."""
    from ministack.services import cloudfront, cloudfront_keyvaluestore

    for function in list(cloudfront._functions.values()):
        if cloudfront.live_function_code(function["arn"]) == code:
            arns = cloudfront._function_view(function, "LIVE").get("kvs_arns", [])
            stores = {arn.rsplit("/", 1)[-1]: cloudfront_keyvaluestore._stores.get(arn) for arn in arns}
            return {name: (store or {}).get("items", {}) for name, store in stores.items()}
    return {}


def give_stores_to_functions(scope):
    """Lets functions import `cloudfront`, and read the stores that they are associated with."""
    from ministack.core import cloudfront_js

    evaluate = cloudfront_js.evaluate

    def evaluate_with_stores(code, event):
        imported = IMPORT.search(code.decode())
        if not imported:
            return evaluate(code, event)
        with scope():
            stores = stores_of(code)
        module = MODULE % (imported.group(1), json.dumps(stores))
        return evaluate(IMPORT.sub(lambda _: module, code.decode(), count=1).encode(), event)

    cloudfront_js.evaluate = evaluate_with_stores


def permit_by_store():
    """Has calls about a store and its keys ask for their permissions on the store, as on AWS, and not on everything."""
    from ministack.core import iam_actions

    extract = iam_actions.extract_resource_arn
    keys = re.compile(r"^/key-value-stores/(arn:[^/]+/[A-Za-z0-9_-]+)")
    named = re.compile(r"^/[0-9-]+/key-value-store/([A-Za-z0-9_-]+)$")

    def extract_store(service, method, path, headers, body, query_params, *args, **kwargs):
        arn = extract(service, method, path, headers, body, query_params, *args, **kwargs)
        if service == "cloudfront-keyvaluestore" and (found := keys.match(unquote(path))):
            return found.group(1)
        if service == "cloudfront" and (found := named.match(path)):
            from ministack.services import cloudfront

            return (cloudfront._kvstores.get(found.group(1)) or {}).get("ARN", arn)
        return arn

    iam_actions.extract_resource_arn = extract_store
