"""Create a cluster, run an application on it and delete it, with Entra ID and so without any key.

The arguments are the kind of client (``sync`` or ``async``), the fields of the service principal as JSON, the id of the
cluster and the program of the application; or ``sign-in``, and a list of such fields and variables of the environment,
with each of which the async client sends requests. Printed is one line of JSON.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from datetime import timedelta
from typing import Any

from airflow_provider_aztk.client import AsyncClient, Client, models

WAIT = {"timeout": 120, "poll_interval": 0.5}


async def main(kind: str, fields: str, cluster_id: str, program: str) -> dict[str, Any]:
    """Live a cluster's life, and return what came of it."""
    secrets = models.SecretsConfiguration(service_principal=models.ServicePrincipalConfiguration(**json.loads(fields)))
    client: Any = Client(secrets) if kind == "sync" else AsyncClient(secrets)

    async def done(result: Any) -> Any:
        return await result if inspect.isawaitable(result) else result

    conf = models.ClusterConfiguration(cluster_id=cluster_id, vm_count=1, max_lifetime=timedelta(days=1))
    app = models.ApplicationConfiguration(name="app", application=program)
    try:
        await done(client.test_connection())
        cluster = await done(client.create_cluster(conf, wait=True, **WAIT))
        await done(client.submit(cluster_id, app, wait=True, **WAIT))
        log = await done(client.get_application_log(cluster_id, "app"))
        deleted = await done(client.delete_cluster(cluster_id, wait=True))
    finally:
        await done(client.close())
    return {"ready": cluster.is_ready, "log": log.log, "deleted": deleted}


async def sign_in(ways: str) -> int:
    """Sign in each way, and return how many there were."""
    given = json.loads(ways)
    for fields, variables in given:
        os.environ.update(variables)
        principal = models.ServicePrincipalConfiguration(**fields)
        client = AsyncClient(models.SecretsConfiguration(service_principal=principal))
        await client.test_connection()
        await client.close()
        for name in variables:
            del os.environ[name]
    return len(given)


if __name__ == "__main__":
    program = sign_in(sys.argv[2]) if sys.argv[1] == "sign-in" else main(*sys.argv[1:])
    print(json.dumps(asyncio.run(program)))
