# Copyright 2026 The liquid_control Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""``liquid-control inspect``: what a policy file is."""
import argparse
from dataclasses import asdict
from pathlib import Path

HELP = 'print what a policy file is'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('policy', metavar='POLICY', help='policy file, such as models/ncp19.safetensors')
    parser.add_argument('--json', metavar='FILE', help='write all of it, with every synapse, as JSON too')


def run(args: argparse.Namespace) -> int:
    """Print a table; write the JSON."""
    from rich.console import Console
    from rich.table import Table

    from liquid_control.cli.output import check_writable, write_json
    from liquid_control.policy.policy_file import load_policy, sha256_of
    check_writable(args.json)
    policy = load_policy(args.policy)
    table = Table(title=str(args.policy), show_header=False, title_justify='left')
    table.add_column()
    table.add_column(overflow='fold')
    rows = describe(policy)
    rows['file'] = f'{Path(args.policy).stat().st_size} bytes'
    rows['SHA-256'] = sha256_of(args.policy)
    for name, value in rows.items():
        table.add_row(name, value)
    Console().print(table, markup=False)
    write_json(args.json, {'policy': str(args.policy), 'parameters': _count(policy), **asdict(policy.spec)})
    return 0


def describe(policy) -> dict[str, str]:
    """Return what a ``DrivingPolicy`` is, name -> text."""
    spec = policy.spec
    rows = {'cell': spec.cell}
    if spec.wiring is not None:
        types = spec.wiring['neuron_types']
        counts = ', '.join(f'{types.count(kind)} {kind}' for kind in dict.fromkeys(types))
        sensory, inner = len(spec.wiring['sensory_synapses']), len(spec.wiring['synapses'])
        rows['neurons'] = f'{len(types)}: {counts}'
        rows['synapses'] = f'{sensory + inner}: {sensory} from the {spec.inputs} inputs, {inner} between neurons'
    if spec.cell == 'spiking':
        rows['neurons'] = f'{policy.network.units} spiking, all connected, and an integrator that reads them'
    rows['parameters'] = (f'{_count(policy)}: {_count(policy.head)} in the vision head, '
                          f'{_count(policy.network)} in the network')
    rows['vision head'] = f'{spec.head}, {policy.retina.height} x {policy.retina.width} pixels'
    rows['crop'] = 'top {:.2f}, bottom {:.2f}, left {:.2f}, right {:.2f} of the picture'.format(*spec.crop)
    channels = zip(spec.imu_channels, spec.imu_scales, strict=True)
    rows['IMU'] = ', '.join(f'{name} x {scale:g}' for name, scale in channels) or 'not used'
    rows['nominal period'] = f'{1000.0 * spec.period_s:.1f} ms ({1.0 / spec.period_s:.0f} Hz)'
    rows['command'] = f'steering up to {spec.max_steering_rad:g} rad, speed {spec.speed_mps:g} m/s'
    rows |= {f'training: {name}': str(value) for name, value in spec.training.items()}
    rows |= {f'score: {name}': str(value) for name, value in spec.score.items()}
    return rows


def _count(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
