import keras
import pytest
from keras import layers

from facexpr import networks
from facexpr.complexity import COUNTED, multiply_adds

NOT_SQUARE = (10, 14, 3)


def cost(*stack, shape=NOT_SQUARE) -> int:
    return multiply_adds(keras.Sequential([keras.Input(shape), *stack]))


def test_a_convolution_costs_its_kernel_at_each_position():
    assert cost(layers.Conv2D(4, (3, 5))) == 8 * 10 * (3 * 5 * 3 * 4)
    assert cost(layers.Conv2D(4, (3, 5), padding="same")) == 10 * 14 * 180
    assert cost(layers.Conv2D(4, 3, (2, 3), padding="same")) == 5 * 5 * (9 * 3 * 4)
    assert cost(layers.Conv2D(4, 3, dilation_rate=2)) == 6 * 10 * 108


def test_a_grouped_convolution_sees_only_its_groups_channels():
    grouped = layers.Conv2D(6, 3, groups=3)
    assert cost(grouped) == 8 * 12 * (9 * 1 * 6)


def test_a_depthwise_convolution_has_one_kernel_a_channel():
    assert cost(layers.DepthwiseConv2D((3, 5))) == 8 * 10 * (15 * 3)
    assert cost(layers.DepthwiseConv2D(3, depth_multiplier=2)) == 8 * 12 * (9 * 3 * 2)


def test_a_separable_convolution_is_a_depthwise_and_a_pointwise_one():
    strided = layers.SeparableConv2D(5, 3, 2, padding="same", depth_multiplier=2)
    assert cost(strided) == 5 * 7 * (9 * 3 * 2 + 3 * 2 * 5)


def test_a_dense_layer_costs_its_matrix_at_each_position_of_the_last_axis():
    assert cost(layers.Flatten(), layers.Dense(7)) == 10 * 14 * 3 * 7
    assert cost(layers.Dense(7)) == 10 * 14 * (3 * 7)


def test_biases_normalisation_pools_and_activations_cost_nothing():
    assert cost(layers.Conv2D(4, 3, use_bias=False)) == cost(layers.Conv2D(4, 3))
    others = (
        layers.BatchNormalization(),
        layers.PReLU(),
        layers.MaxPooling2D(),
        layers.Dropout(0.5),
    )
    assert cost(*others) == 0


def test_models_inside_a_model_count_too():
    inner = keras.Sequential([keras.Input(NOT_SQUARE), layers.Conv2D(4, 3)])
    assert cost(inner, layers.Flatten(), layers.Dense(2)) == 8 * 12 * 108 + 8 * 12 * 4 * 2


def test_a_whole_network_by_hand():
    """kaist at 42 px: see its table; the sides of its convolutions are 42, 20 and 10."""
    convolutions = 42**2 * 25 * 32 + 20**2 * 16 * 32 * 32 + 10**2 * 25 * 32 * 64
    dense = 5 * 5 * 64 * 2048 + 2048 * 1024 + 1024 * 7
    assert multiply_adds(networks.build("kaist", (42, 42, 1), 7)) == convolutions + dense


@pytest.mark.parametrize("name", networks.available())
def test_what_costs_in_our_networks_is_counted(name):
    """Or a network with some other layer would be listed as cheaper than it is."""
    free = (layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization)
    with keras.StatelessScope(initialize_variables=False):
        network = networks.build(name, (48, 64, 1), 7)
    assert all(isinstance(layer, COUNTED + free) for layer in network.layers if layer.weights)
