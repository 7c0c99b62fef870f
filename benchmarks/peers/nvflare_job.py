"""Write an NVFlare swarm job that trains nothing; and, inside the job, be its trainer. Runs in NVFlare's environment.

python nvflare_job.py FOLDER MODEL.npy MEMBERS ROUNDS
"""

import os
import sys
import time
from pathlib import Path

from nvflare.apis.dxo import MetaKey, from_shareable
from nvflare.apis.executor import Executor
from nvflare.app_common.app_constant import AppConstants


class Nothing(Executor):
    """Send back what came, and note the time at which each round reached this client."""

    def execute(self, task_name, shareable, fl_ctx, abort_signal):
        """Answer one task."""
        del task_name, fl_ctx, abort_signal
        lo = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
        number = shareable.get_header(AppConstants.CURRENT_ROUND)
        with Path(os.environ["PEER_ROUNDS"]).open("a") as out:
            out.write(f"{time.time()} {lo.split(':')[1].split()[8]} {number}\n")
        model = from_shareable(shareable)
        model.set_meta_prop(MetaKey.NUM_STEPS_CURRENT_ROUND, 1)
        return model.to_shareable()


def main(folder: str, model: str, members: int, rounds: int) -> None:
    """Write the job."""
    from nvflare.apis.dxo import DataKind
    from nvflare.app_common.aggregators.intime_accumulate_model_aggregator import InTimeAccumulateWeightedAggregator
    from nvflare.app_common.ccwf.ccwf_job import CCWFJob, SwarmClientConfig, SwarmServerConfig
    from nvflare.app_common.np.np_model_persistor import NPModelPersistor
    from nvflare.app_common.shareablegenerators.full_model_shareable_generator import FullModelShareableGenerator

    sys.path.insert(0, str(Path(__file__).parent))
    from nvflare_job import Nothing as Trainer  # by this name the clients import it

    job = CCWFJob("nothing", min_clients=members)
    client = SwarmClientConfig(
        executor=Trainer(),
        persistor=NPModelPersistor(source_ckpt_file_full_name=model),
        shareable_generator=FullModelShareableGenerator(),
        aggregator=InTimeAccumulateWeightedAggregator(expected_data_kind=DataKind.WEIGHTS),
        min_responses_required=members,
    )
    job.add_swarm(SwarmServerConfig(num_rounds=rounds), client)
    job.export_job(folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
