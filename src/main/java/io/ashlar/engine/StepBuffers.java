package io.ashlar.engine;

import io.ashlar.compute.Activations;
import io.ashlar.compute.Buffer;
import io.ashlar.compute.Device;
import io.ashlar.compute.Routing;
import io.ashlar.model.ExpertShape;
import io.ashlar.model.LayerShape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The buffers of a step, as wide as the widest chain and as long as the longest step so far. */
final class StepBuffers {
    private static final int LANES = 16;

    private final Device device;
    private final List<AutoCloseable> memory = new ArrayList<>();
    private final Map<ExpertShape, Routing> routings = new HashMap<>();
    private int rows;
    private int hiddenWidth;
    private int stackedWidth;
    private int mixedWidth;
    private int outputWidth;
    private int vocabulary;
    private int logitRows;
    private Activations hidden;
    private Activations normed;
    private Activations stacked;
    private Activations mixed;
    private Activations outputs;
    private Activations logits;

    StepBuffers(Device device) {
        this.device = device;
        Activations none = new Activations(keep(device.allocate(64)), 0, 0);
        hidden = normed = stacked = mixed = outputs = logits = none;
    }

    /** @param sampled rows whose logits are needed */
    void makeRoom(List<Chain> chains, int count, int sampled) {
        int h = hiddenWidth;
        int s = stackedWidth;
        int m = mixedWidth;
        int o = outputWidth;
        int v = vocabulary;
        for (int i = 0; i < chains.size(); i++) {
            Chain chain = chains.get(i);
            v = Math.max(v, chain.config().vocabularySize());
            for (int l = 0; l < chain.config().layers(); l++) {
                LayerShape shape = chain.config().layer(l);
                ExpertShape experts = shape.experts();
                int used = experts == null ? 1 : experts.used();
                int router = experts == null ? 0 : experts.count();
                h = Math.max(h, shape.hiddenSize());
                int qkv = shape.queryWidth() + 2 * shape.keyWidth();
                int wide = Math.max(Math.max(qkv, router), 2 * shape.intermediateSize());
                s = Math.max(s, aligned(wide) * used);
                m = Math.max(m, Math.max(shape.queryWidth(), shape.intermediateSize()) * used);
                o = experts == null ? o : Math.max(o, shape.hiddenSize() * used);
            }
        }
        int l = Math.max(1, sampled);
        boolean fits = count <= rows
                && l <= logitRows
                && h == hiddenWidth
                && s == stackedWidth
                && m == mixedWidth
                && o == outputWidth
                && v == vocabulary;
        if (fits) {
            return;
        }
        rows = grown(rows, count);
        logitRows = grown(logitRows, l);
        hiddenWidth = h;
        stackedWidth = s;
        mixedWidth = m;
        outputWidth = o;
        vocabulary = v;
        // A step under way may still use them.
        device.kernels().finish();
        close();
        hidden = activations(rows, h, h);
        normed = activations(rows, h, h);
        stacked = activations(rows, s, s);
        mixed = activations(rows, m, m);
        outputs = activations(rows, o, o);
        logits = activations(logitRows, aligned(v), v);
    }

    private static int aligned(int width) {
        return (width + LANES - 1) / LANES * LANES;
    }

    private static int grown(int have, int need) {
        return need <= have ? have : Math.max(need, 2 * have);
    }

    private Activations activations(int count, int stride, int width) {
        Buffer buffer = keep(device.allocate(Math.max(64, (long) count * stride * Float.BYTES)));
        return new Activations(buffer, count, Math.max(stride, width));
    }

    private <T extends AutoCloseable> T keep(T part) {
        memory.add(part);
        return part;
    }

    Activations hidden() {
        return hidden;
    }

    Activations normed() {
        return normed;
    }

    Activations stacked() {
        return stacked;
    }

    Activations mixed() {
        return mixed;
    }

    Activations logits() {
        return logits;
    }

    /** The same memory, seen as one row for each slot of experts. */
    Activations slots(Activations wide, ExpertShape experts) {
        return new Activations(
                wide.data(), wide.rows() * experts.used(), wide.stride() / experts.used() / LANES * LANES);
    }

    Activations outputs() {
        return outputs;
    }

    Routing routing(ExpertShape experts) {
        Routing routing = routings.get(experts);
        if (routing == null) {
            routing = new Routing(
                    experts.count(),
                    experts.used(),
                    experts.normalise(),
                    keep(device.ints(experts.count() + 1)),
                    keep(device.ints(2 * rows * experts.used())),
                    keep(device.allocate((long) rows * experts.used() * Float.BYTES)));
            routings.put(experts, routing);
        }
        return routing;
    }

    void close() {
        for (AutoCloseable part : memory) {
            try {
                part.close();
            } catch (Exception e) {
                throw new IllegalStateException("a buffer cannot be closed", e);
            }
        }
        memory.clear();
        routings.clear();
    }
}
