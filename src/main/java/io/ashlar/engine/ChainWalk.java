package io.ashlar.engine;

import io.ashlar.block.Adapter;
import io.ashlar.compute.Activations;
import io.ashlar.compute.Device;
import io.ashlar.compute.Ints;
import io.ashlar.compute.Kernels;
import io.ashlar.compute.KeyValues;
import io.ashlar.compute.Linear;
import io.ashlar.compute.PageLayout;
import io.ashlar.compute.PageType;
import io.ashlar.compute.RotaryTable;
import io.ashlar.compute.Routing;
import io.ashlar.compute.Rows;
import io.ashlar.engine.Itinerary.Group;
import io.ashlar.model.ExpertShape;
import io.ashlar.model.LayerShape;
import io.ashlar.model.Pass;
import io.ashlar.model.Weights;
import io.ashlar.scheduler.StepLimits;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Runs the rows of a step through their chains, depth by depth. At each depth rows are grouped by block: rows of a base and
 * of its fine-tunes go through one product while their blocks are the same, part where they differ, and join again.
 */
final class ChainWalk implements Pass {
    /** Itineraries that are kept; traffic has fewer mixes of models at a time. */
    private static final int MOST_ITINERARIES = 64;
    /** Floats by which hidden states in the pool are addressed. */
    private static final int UNIT = 16;

    private final Device device;
    private final PageType pageType;
    private final StepBuffers buffers;
    private final List<Itinerary> itineraries = new ArrayList<>();
    private final Map<LayerShape, PageLayout> layouts = new HashMap<>();
    private final List<@Nullable KeyValues> lastKeyValues = new ArrayList<>();

    private @Nullable StepRows step;
    private @Nullable ChainRows group;
    private @Nullable LayerShape shape;
    private long blockPasses;
    private long chainPasses;

    private final Activations poolRows;
    private final Rows trunkFrom;
    private final Rows trunkTo;
    private Function<Chain, Trunk> trunkOf = chain -> Trunk.NONE;

    ChainWalk(Device device, PagePool pool, PageType pageType) {
        this.device = device;
        this.poolRows = new Activations(pool.memory(), 0, UNIT);
        this.trunkFrom = new Rows(device);
        this.trunkTo = new Rows(device);
        this.pageType = pageType;
        this.buffers = new StepBuffers(device);
    }

    /** Computes all rows. The sampled ones' tokens are then in {@link StepRows#best}, and their logits there until the next step. */
    void run(StepRows rows) {
        start(rows, rows).await();
    }

    /**
     * Starts what {@link #run} does.
     *
     * @param before the step before, which may still be under way
     */
    Kernels.Submitted start(StepRows rows, StepRows before) {
        step = rows;
        buffers.makeRoom(rows.chains(), rows.count(), rows.sampledCount());
        Itinerary way = itinerary(rows.chains());
        way.fill(rows);
        kernels().feed(before.best(), rows.fedFrom(), rows.tokens(), rows.fedTo());
        blockPasses += way.blockPasses;
        chainPasses += way.chainPasses;
        for (int i = 0; i < way.embedding.size(); i++) {
            Group g = way.embedding.get(i);
            g.first()
                    .family()
                    .embed(this, g.rows().rows, g.first().config(), g.block().weights());
        }
        for (int layer = 0; layer < way.layers.size(); layer++) {
            passTrunks(way, rows, layer);
            List<Group> groups = way.layers.get(layer);
            boolean apart = runApart(groups, layer);
            if (apart) {
                kernels().join();
            }
            for (int i = 0; i < groups.size(); i++) {
                Group g = groups.get(i);
                if (apart) {
                    kernels().beside(i);
                }
                group = g.rows();
                shape = g.first().config().layer(layer);
                g.first()
                        .family()
                        .layer(this, g.rows().rows, layer, shape, g.block().weights());
            }
            if (apart) {
                kernels().join();
            }
        }
        for (int i = 0; i < way.norm.size(); i++) {
            Group g = way.norm.get(i);
            g.first()
                    .family()
                    .norm(this, g.rows().sampled, g.first().config(), g.block().weights());
        }
        for (int i = 0; i < way.head.size(); i++) {
            Group g = way.head.get(i);
            Rows sampled = g.rows().sampled;
            g.first().family().head(this, sampled, g.first().config(), g.block().weights(), buffers.logits());
            int vocabulary = g.first().config().vocabularySize();
            kernels().argmax(buffers.logits(), sampled, vocabulary, rows.best());
            DrawnRows drawn = g.rows().drawn;
            if (!drawn.rows.isEmpty()) {
                kernels().sample(buffers.logits(), drawn.rows, vocabulary, drawn.draws(), rows.best());
            }
        }
        return kernels().submit();
    }

    /** Whether groups of a depth may run side by side: they have rows of their own, but experts' slots are shared. */
    private static boolean runApart(List<Group> groups, int layer) {
        for (int i = 0; i < groups.size(); i++) {
            if (groups.get(i).first().config().layer(layer).experts() != null) {
                return false;
            }
        }
        return groups.size() > 1;
    }

    /** Where chains leave their trunk: keeps the hidden states of rows that came through it, and brings those that did not. */
    private void passTrunks(Itinerary way, StepRows rows, int layer) {
        for (int i = 0; i < way.chains.size(); i++) {
            Trunk trunk = way.trunks.get(i);
            if (trunk == Trunk.NONE || trunk.depth() != layer) {
                continue;
            }
            Chain chain = way.chains.get(i);
            int width = chain.config().hiddenSize();
            for (boolean bring : BOTH) {
                trunkFrom.clear();
                trunkTo.clear();
                Rows own = rows.rowsOf(chain);
                for (int r = 0; r < own.count(); r++) {
                    int row = own.get(r);
                    Sequence sequence = (Sequence) rows.sequences()[row];
                    int position = rows.positions().get(row);
                    PageGroup at = sequence.groups.get(position / PageLayout.TOKENS);
                    if (rows.isBehindTrunk(row) == bring && at.hidden >= 0 && at.trunk.equals(trunk)) {
                        long offset = at.hidden + (long) position % PageLayout.TOKENS * width * Float.BYTES;
                        trunkTo.add(bring ? row : Math.toIntExact(offset / (UNIT * Float.BYTES)));
                        trunkFrom.add(bring ? Math.toIntExact(offset / (UNIT * Float.BYTES)) : row);
                    }
                }
                if (bring) {
                    kernels().copy(poolRows, trunkFrom, buffers.hidden(), trunkTo, width);
                } else {
                    kernels().copy(buffers.hidden(), trunkFrom, poolRows, trunkTo, width);
                }
                if (!trunkFrom.isEmpty()) {
                    // The lists are filled again for the next chain.
                    kernels().finish();
                }
            }
        }
    }

    private static final boolean[] BOTH = {false, true};

    /** Buffers for the largest steps of a chain. On a device without memory of its own they grow as they are needed. */
    void makeRoom(Chain chain, StepLimits limits) {
        if (device.memory().total() > 0) {
            kernels().finish();
            buffers.makeRoom(List.of(chain), limits.tokens(), Math.min(limits.tokens(), limits.jobs()));
        }
    }

    /** What chains share may have changed. */
    void place(Function<Chain, Trunk> trunks) {
        trunkOf = trunks;
        itineraries.forEach(Itinerary::close);
        itineraries.clear();
    }

    private Itinerary itinerary(List<Chain> chains) {
        for (int i = 0; i < itineraries.size(); i++) {
            Itinerary known = itineraries.get(i);
            if (known.isFor(chains)) {
                return known;
            }
        }
        if (itineraries.size() == MOST_ITINERARIES) {
            itineraries.removeFirst().close();
        }
        Itinerary made = new Itinerary(chains, trunkOf, device);
        itineraries.add(made);
        return made;
    }

    /** Drops what is kept of a chain that is about to be released. */
    void forget(Chain chain) {
        for (int i = itineraries.size() - 1; i >= 0; i--) {
            if (itineraries.get(i).uses(chain)) {
                itineraries.remove(i).close();
            }
        }
    }

    private static <T> T running(@Nullable T part) {
        if (part == null) {
            throw new IllegalStateException("no step is running");
        }
        return part;
    }

    /** The logits of a sampled row of the last step. */
    void logits(int row, float[] into, int vocabulary) {
        device.download(buffers.logits(), row, into, vocabulary);
    }

    @Override
    public Kernels kernels() {
        return device.kernels();
    }

    @Override
    public Ints tokens() {
        return running(step).tokens();
    }

    @Override
    public Ints positions() {
        return running(step).positions();
    }

    @Override
    public Activations hidden() {
        return buffers.hidden();
    }

    @Override
    public Activations normed() {
        return buffers.normed();
    }

    @Override
    public Activations stacked() {
        ExpertShape experts = experts();
        return experts == null ? buffers.stacked() : buffers.slots(buffers.stacked(), experts);
    }

    @Override
    public Activations mixed() {
        ExpertShape experts = experts();
        return experts == null ? buffers.mixed() : buffers.slots(buffers.mixed(), experts);
    }

    @Override
    public Activations expertOutputs() {
        ExpertShape experts = running(experts());
        return buffers.slots(buffers.outputs(), experts);
    }

    private @Nullable ExpertShape experts() {
        return running(shape).experts();
    }

    /** Where a layer's pages are. Kept, since the same layers come in every step. */
    @Override
    public KeyValues keyValues(int layer, LayerShape of) {
        PageLayout layout = layouts.get(of);
        if (layout == null) {
            layout = of.pages(pageType);
            layouts.put(of, layout);
        }
        while (lastKeyValues.size() <= layer) {
            lastKeyValues.add(null);
        }
        KeyValues last = lastKeyValues.get(layer);
        if (last != null
                && last.layout() == layout
                && last.tables() == running(step).tables()) {
            return last;
        }
        KeyValues made = new KeyValues(running(step).tables(), layout, layer);
        lastKeyValues.set(layer, made);
        return made;
    }

    @Override
    public RotaryTable rotary(int layer) {
        return running(group).longest.rotary().get(layer);
    }

    @Override
    public Routing routing(ExpertShape experts) {
        return buffers.routing(experts);
    }

    @Override
    public void project(
            Activations x,
            Rows rows,
            int layer,
            Weights weights,
            List<String> roles,
            int slot,
            Activations out,
            boolean accumulate) {
        List<Linear> stack = weights.stack(roles);
        kernels().project(x, rows, stack, out, accumulate);
        kernels().addLowRank(x, running(group).adapters, Adapter.slot(layer) + slot, stack, out);
    }

    /** Products that ran, one for each group of rows at each depth. */
    long blockPasses() {
        return blockPasses;
    }

    /** Products that would have run with each model on its own. */
    long chainPasses() {
        return chainPasses;
    }

    void close() {
        itineraries.forEach(Itinerary::close);
        trunkFrom.close();
        trunkTo.close();
        buffers.close();
    }
}
