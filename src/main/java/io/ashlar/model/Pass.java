package io.ashlar.model;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.RotaryTable;
import io.ashlar.compute.Routing;
import io.ashlar.compute.Rows;
import java.util.List;

/** What a family's forward pass sees of a step: its buffers, its rows' places, and matrix products with adapters added. */
public interface Pass {
    Kernels kernels();

    Ints tokens();

    Ints positions();

    /** The residual stream {@code [rows, hiddenSize]}. */
    Activations hidden();

    /** Normalised input of a sub-layer {@code [rows, hiddenSize]}. */
    Activations normed();

    /** Stacked outputs of projections, wide enough for queries, keys and values, or for gate and up, of every slot. */
    Activations stacked();

    /** Input of a sub-layer's last projection: attention's mix, or the gated activation of every slot. */
    Activations mixed();

    /** Outputs of experts {@code [slots, hiddenSize]}. */
    Activations expertOutputs();

    KeyValues keyValues(int layer, LayerShape shape);

    RotaryTable rotary(int layer);

    Routing routing(ExpertShape experts);

    /**
     * {@code out (+)= x * w} for the stacked roles of a layer's block, plus the low-rank terms of each row's adapter.
     *
     * @param slot of the first role among the layer's adaptable projections
     */
    void project(
            Activations x,
            Rows rows,
            int layer,
            Weights weights,
            List<String> roles,
            int slot,
            Activations out,
            boolean accumulate);
}
