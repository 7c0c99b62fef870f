"""A Flower app that trains nothing: what is left is a round's overhead. Runs in Flower's own environment."""

import os
import time
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

client = ClientApp()
server = ServerApp()


@client.train()
def train(message: Message, context: Context) -> Message:
    """Send back what came."""
    del context
    content = {"arrays": message.content["arrays"], "metrics": MetricRecord({"num-examples": 1})}
    return Message(content=RecordDict(content), reply_to=message)


class Timed(FedAvg):
    """FedAvg that notes when each round ended."""

    def aggregate_train(self, server_round, replies):
        """Merge, and note the time and the bytes on the loopback."""
        result = super().aggregate_train(server_round, replies)
        lo = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
        with Path(os.environ["PEER_ROUNDS"]).open("a") as out:
            out.write(f"{time.time()} {lo.split(':')[1].split()[8]}\n")
        return result


@server.main()
def main(grid: Grid, context: Context) -> None:
    """Run the rounds that the environment asks for."""
    del context
    members = int(os.environ["PEER_MEMBERS"])
    first = np.random.default_rng(0).normal(0, 0.1, int(os.environ["PEER_PARAMETERS"])).astype(np.float32)
    strategy = Timed(fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=members, min_available_nodes=members)
    strategy.start(grid=grid, initial_arrays=ArrayRecord([first]), num_rounds=int(os.environ["PEER_COUNT"]))
