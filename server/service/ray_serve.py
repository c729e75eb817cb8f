"""The network on Ray Serve: everything else is done here, so that no client knows the difference.

A replica for each GPU of the cluster, or one on a processor, holds the networks. It is sent the crops of
faces and answers with what the network makes of them; all crops of a call are one batch. The replicas stay
in the cluster when this server ends, and the next one finds them. Nothing listens for them over HTTP.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import Cancelled
from model.inference import predictor, weights
from plugin.studio_portrait.link.wire import Problem

from ..remote import ray_cluster

APP: Final = "studio-portrait"
LOOK_SECONDS: Final = 0.1  # between two looks for a cancel
ANSWER_SECONDS: Final = 120.0

Array = NDArray[np.float32]


class Networks:
    """A replica: the networks that were asked for, each loaded once from its own machine's weights."""

    def __init__(self, device: str, alone: bool = False):
        """alone: no other machine belongs to this Ray."""
        if alone:
            _listen_here_only()
        self._device = device
        self._loaded: dict[str, predictor.Predictor] = {}

    def device(self, name: str, sha256: str) -> str:
        """Load a network; where it runs, in words. Raises `ValueError` when its weights are others."""
        network = predictor.load(name, self._device)
        if not isinstance(network, predictor.Predictor) or network.weights_sha256 != sha256:
            raise ValueError(f"The weights of {name} are not the same on the cluster as here.")
        self._loaded[sha256] = network
        return network.device

    def __call__(self, name: str, sha256: str, crops: Array) -> dict[str, Array]:
        """Answer filtered crops, (N, 512, 512, 3), with the network's outputs by name."""
        if sha256 not in self._loaded:  # a replica that was started since
            self.device(name, sha256)
        return self._loaded[sha256].answer(crops)


def _listen_here_only() -> None:
    """Keep Ray Serve from opening this replica's port on every interface, whatever Ray's own address is.

    To be called in the replica before its port is opened. Nobody uses that port: Ray calls replicas itself.
    """
    replica: Any = importlib.import_module("ray.serve._private.replica")
    listen = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: listen(
        server, address.replace("[::]", "127.0.0.1")
    )


class Engine:
    """A network of the replicas, as `predictor.Predictor` knows one (`predictor.Engine`)."""

    name = "ray"

    def __init__(self, handle: Any, network: str, sha256: str):
        self._handle = handle
        self._network = (network, sha256)
        self.device: str = self._result(handle.device.remote(*self._network), lambda: False)

    def __call__(self, crops: Array, cancelled: Callable[[], bool]) -> dict[str, Array]:
        """See `predictor.Engine`. Raises `Problem` ``worker-died`` when no replica answers."""
        found: dict[str, Array] = self._result(self._handle.remote(*self._network, crops), cancelled)
        return found

    def _result(self, response: Any, cancelled: Callable[[], bool]) -> Any:
        for _ in range(round(ANSWER_SECONDS / LOOK_SECONDS)):
            try:
                return response.result(timeout_s=LOOK_SECONDS)
            except TimeoutError:
                if cancelled():
                    response.cancel()
                    raise Cancelled("The retouching was cancelled.") from None
            except Exception as error:  # whatever the replica or Ray has to say
                reason = str(getattr(error, "cause", error)).strip().splitlines()
                sentence = f"Ray did not answer: {reason[-1] if reason else type(error).__name__}"
                raise Problem("worker-died", sentence, "See that the cluster is well: ray status.") from error
        response.cancel()
        raise Problem("worker-died", f"Ray did not answer within {ANSWER_SECONDS:.0f} seconds.")


class Cluster:
    """Ray at `address` (see `ray_cluster.connect`) with the replicas on it, started if they are not there.

    To be made in the thread that lives as long as the process: a Ray that is started here ends with it.
    """

    def __init__(self, address: str, device: str):
        ray = ray_cluster.connect(address, installed=True)
        from ray import serve

        serve.start(proxy_location="Disabled")
        gpus = int(ray.cluster_resources().get("GPU", 0)) if device in ("auto", "cuda") else 0
        deployment = serve.deployment(
            num_replicas=gpus or 1,
            max_ongoing_requests=1,
            ray_actor_options={"num_gpus": 1} if gpus else {"num_cpus": 1},
        )(Networks)
        self._device = device if gpus else "cpu"
        self._handle = serve.run(
            deployment.bind(self._device, address == "local"), name=APP, route_prefix=None
        )

    def load(self, network: str = "", **_: str) -> predictor.Network:
        """As `predictor.load`. Networks that paint at full size run here."""
        info = weights.choose(network, weights.available())
        info.check()
        if info.answer == "picture":
            return predictor.load(network, "cpu")
        return predictor.Predictor(info, Engine(self._handle, info.name, info.sha256))
