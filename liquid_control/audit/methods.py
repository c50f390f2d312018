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

"""How each figure of an audit is computed, and where the method comes from: name -> (how, source).

The volumes and pages were looked up, except those of Pearson (1895) and the numbers of theorems and equations. That
the paper of 2020 plots states and time constants on the road and computes
principal components, the largest Lipschitz constants and the similarity of saliency under noise is said in the index of
its published analysis code (repository mlech26l/ncps, reproducibility/README.md).
"""

NCP = ('Lechner, Hasani, Amini, Henzinger, Rus and Grosu 2020, Neural circuit policies enabling auditable autonomy, '
       'Nature Machine Intelligence 2, 642-652')

METHODS = {
    'activity': (
        'The state of each neuron after each control tick, as the policy computed it while it drove. Nothing is '
        'smoothed or scaled. mean, sd (divided by the number of ticks), min and max are over all ticks.',
        f'{NCP}: neural activity drawn on the road'),
    'correlation': (
        'Pearson correlation over all ticks of the state of a neuron after the tick and the steering commanded at that '
        'tick (rad, positive to the left, after it is limited).',
        f'{NCP}: neurons and the command they go with'),
    'saliency': (
        'VisualBackProp: the mean over the channels of each convolution after its ReLU, from the deepest layer up '
        'scaled by a transposed convolution of ones (the kernel, stride and padding of the layer), divided by the '
        'number of kernels that reach a pixel, and multiplied with the mean of the layer above. The division is ours: '
        'without it, strides that do not divide the kernel draw a grid. It shows what the vision head responds to, '
        'whatever the network does with it. Input gradient: the largest absolute derivative over the colours of the '
        'steering (before it is limited) by each pixel that the head sees, with the state of the tick. Each map is '
        'scaled so that its strongest pixel is 1.',
        'Bojarski et al., VisualBackProp: efficient visualization of CNNs for autonomous driving, ICRA 2018 '
        '(arXiv:1611.05418 of 2016); Simonyan, Vedaldi and Zisserman 2013, arXiv:1312.6034 (gradients)'),
    'ssim': (
        'Mean structural similarity (Gaussian window of 11 x 11 pixels with a deviation of 1.5, biased local moments, '
        'K1 .01 and K2 .03, range 1; windows over the border left out) of the saliency map of a picture and that of '
        'the same picture with Gaussian noise of standard deviation .1 of the range, clipped; 1 is equal. Only the '
        'part that the retina sees is compared; up to 300 ticks spread evenly.',
        'Wang, Bovik, Sheikh and Simoncelli 2004, IEEE Transactions on Image Processing 13, 600-612; applied to '
        f'saliency under noise by {NCP}'),
    'lipschitz': (
        'lipschitz_per_s, over time: the largest |x(t + dt) - x(t)| / dt between neighbouring ticks without a gap, the '
        'smallest constant with which the activity as sampled is Lipschitz. lipschitz_of_step: one tick is a function '
        'of features and state before; the local Lipschitz constant of a neuron is the Euclidean norm of its gradient '
        'by all of these (exact derivatives, elapsed time as it was); the largest along the drive is given.',
        f'{NCP}: largest Lipschitz constants of the neurons. The Lipschitz constant of a differentiable function is '
        'the largest norm of its gradient: theorem 1 (Rademacher) in Virmaux and Scaman 2018, NeurIPS 31, '
        'arXiv:1805.10965'),
    'pca': (
        'Singular value decomposition of the states (ticks x neurons) after their mean is subtracted, not divided by '
        'their deviation; shares are l / sum l of the variances l. Participation ratio: (sum l)^2 / sum l^2. The '
        'baselines see the same pictures, IMU and elapsed times.',
        f'Pearson 1901, Philosophical Magazine 2, 559-572; {NCP}: principal components of the activity'),
    'silencing': (
        'Closed loop in the fast simulator, a lap of each track from a standing start. A silenced neuron is held at 0 '
        'or at its mean over the recorded drive from the first tick on; a cut synapse has weight 0. Change: mean over '
        'every 0.25 m of the laps of the difference to the intact drive of the distance from the centre line; where '
        "the car did not come because it had left the road, half the road's width counts.",
        'A lesion study by parameters of the network itself; the measure is defined here'),
    'stability': (
        'At each tick 16 copies of the picture with Gaussian noise (standard deviation .05 of the range, clipped) are '
        'answered from the same state; the standard deviation of the steering (before it is limited) is the figure. '
        'The ten largest are at least half a second apart.',
        'Sampled sensitivity to picture noise; the measure is defined here'),
    'adapting': (
        'Median time constants over the ticks of a situation. The strong steering of a drive is the 98th percentile '
        'of |steering|: a curve steers above a third of it, a straight below a sixth; none is told where it is below '
        'a tenth of the limit. Light and dark are above and below the middle between the 5th and the 95th percentile '
        'of the mean of the pictures (0..1); none is told where these are less than 0.04 apart. A situation has 15 '
        'ticks at least. Swing: 95th over 5th percentile along the drive. Another light: the pictures of the drive '
        'are shown again at 0.3 of their brightness, and with three bands of shadow that cross them; given is the '
        'mean of |tau(other) / tau - 1|. The retina whitens every picture, so a change of all its light alone hardly '
        'reaches the network.',
        'Hasani, Lechner, Amini, Rus and Grosu 2021, Liquid time-constant networks, AAAI 35, 7657-7666: time constants '
        'that depend on the input. The situations are defined here'),
    'twins': (
        'Each neuron of the twin keeps all synapses, its time constant is frozen at its mean over the recorded drive. '
        'Same current: dv/dt = (g v_leak + sum w s E) / C - v / tau. Same target: dv/dt = (v_inf - v) / tau, with the '
        'value v_inf that the liquid neuron strives for. Both are stepped as the liquid network is, from its start. '
        'Given is the root mean square difference of the steering for the features of the drive. The laps are driven '
        'in the fast simulator, also at 0.3 of the light.',
        'Hasani et al. 2021 compare with continuous-time RNNs of fixed time constants (Funahashi and Nakamura 1993); '
        'freezing a trained network is done here, nothing is trained again')}
