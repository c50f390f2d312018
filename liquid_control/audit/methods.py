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

"""How each figure of an audit is computed, and where the method comes from: name -> (how, source)."""

METHODS = {
    'activity': (
        'The state of each neuron after each control tick, as the policy computed it while it drove. Nothing is '
        'smoothed or scaled.',
        'Lechner et al. 2020, Neural circuit policies enabling auditable autonomy, Nature Machine Intelligence 2'),
    'correlation': (
        'Pearson correlation over all ticks of the state of a neuron after the tick and the steering commanded at that '
        'tick (positive to the left).',
        'Lechner et al. 2020 (scatter of neuron against command)'),
    'saliency': (
        'VisualBackProp: the mean over the channels of each convolution after its ReLU, from the deepest layer up '
        'scaled by a transposed convolution of ones, divided by the number of kernels that reach a pixel, and '
        'multiplied with the mean of the layer above. It shows what the vision head responds to, whatever the network '
        'does with it. Input gradient: the largest absolute derivative over the colours of the steering (before it is '
        'limited) by each pixel that the head sees, with the state of the tick. Each map is scaled so that its '
        'strongest pixel is 1.',
        'Bojarski et al. 2016, arXiv:1611.05418 (VisualBackProp); Simonyan et al. 2013, arXiv:1312.6034 (gradients)'),
    'ssim': (
        'Mean structural similarity (window: Gaussian of 1.5 pixels, constants .01 and .03) of the saliency map of a '
        'picture and that of the same picture with Gaussian noise of standard deviation .1 of the range; 1 is equal. '
        'Only the part that the retina sees is compared; up to 300 ticks spread evenly.',
        'Wang et al. 2004, IEEE Transactions on Image Processing 13; used on saliency by Lechner et al. 2020'),
    'lipschitz': (
        'Over time: the largest |x(t + dt) - x(t)| / dt between neighbouring ticks, the Lipschitz constant of the '
        'activity as sampled. Of the step: one tick is a function of features and state; the local Lipschitz constant '
        'of a neuron is the Euclidean norm of its gradient there (exact derivatives); the largest along the drive is '
        'given.',
        'Lechner et al. 2020 compare networks by the Lipschitz constant of their neurons; a differentiable function '
        'has the norm of its gradient as local Lipschitz constant (Rademacher)'),
    'pca': (
        'Singular value decomposition of the states (ticks x neurons) after their mean is subtracted, not divided by '
        'their deviation. Participation ratio: (sum l)^2 / sum l^2 of the variances l. The baselines see the same '
        'pictures, IMU and elapsed times.',
        'Pearson 1901, Philosophical Magazine 2; Lechner et al. 2020 (principal components of the state)'),
    'silencing': (
        'Closed loop in the fast simulator, a lap of each track from a standing start. A silenced neuron is held at 0 '
        'or at its mean over the recorded drive from the first tick on; a cut synapse has weight 0. Change: mean over '
        'every 0.25 m of the laps of the difference to the intact drive of the distance from the centre line; where '
        "the car did not come because it had left the road, half the road's width counts.",
        'Lesion study by parameters of the network itself; Lechner et al. 2020 trace decisions to single neurons'),
    'stability': (
        'At each tick 16 copies of the picture with Gaussian noise (standard deviation .05 of the range) are answered '
        'from the same state; the standard deviation of the steering (before it is limited) is the figure. The ten '
        'largest are at least half a second apart.',
        'Sampled sensitivity to picture noise; the question is that of Lechner et al. 2020, the measure is defined '
        'here'),
    'adapting': (
        'Time constants averaged over the ticks of left curves and right curves (command above a quarter of the '
        'steering limit), of straights (below a tenth), and of the lightest and darkest third of the pictures (by '
        'their mean). Swing: 95th over 5th percentile along the drive. Another light: the pictures of the drive are '
        'shown again at 0.3 of their brightness, and with three bands of shadow that cross them; given is the mean of '
        '|tau(other) / tau - 1|. The retina whitens every picture, so a change of all its light alone hardly reaches '
        'the network.',
        'Hasani et al. 2021, Liquid time-constant networks, AAAI 35'),
    'twins': (
        'Each neuron of the twin keeps all synapses, its time constant is frozen at its mean over the recorded drive. '
        'Same current: dv/dt = (g v_leak + sum w s E) / C - v / tau. Same target: dv/dt = (v_inf - v) / tau, with the '
        'value v_inf that the liquid neuron strives for. Both are stepped as the liquid network is. The laps are '
        'driven in the fast simulator, also at 0.3 of the light.',
        'Hasani et al. 2021 compare with continuous-time RNNs of fixed time constants; freezing a trained network is '
        'done here, nothing is trained again')}
