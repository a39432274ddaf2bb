package io.ashlar.engine;

import io.ashlar.block.Block;
import io.ashlar.compute.Device;
import io.ashlar.model.ModelConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * The way of some chains through their blocks: at each depth, which of them go through which block together. It depends on
 * the chains only, so it is kept from step to step; what a step fills is the rows of each set of chains that goes together.
 */
final class Itinerary {
    /** Chains that go through the same block in the same way. */
    record Group(ChainRows rows, Block block) {
        Chain first() {
            return rows.chains.getFirst();
        }
    }

    private record Place(Block block, Object shape) {}

    private record Global(float epsilon, float embeddingScale, float logitSoftcap, int vocabulary) {
        static Global of(ModelConfig c) {
            return new Global(c.normEpsilon(), c.embeddingScale(), c.logitSoftcap(), c.vocabularySize());
        }
    }

    final List<Chain> chains;
    final List<Group> embedding;
    final List<List<Group>> layers;
    final List<Group> norm;
    final List<Group> head;
    /** Products of one pass, and what they would be with each model on its own. */
    final long blockPasses;

    final long chainPasses;
    /** The trunk of each chain. */
    final List<Trunk> trunks;

    private record Members(List<Chain> chains, List<Boolean> inTrunk) {}

    private final Map<Members, ChainRows> sets = new HashMap<>();

    Itinerary(List<Chain> chains, Function<Chain, Trunk> trunkOf, Device device) {
        this.trunks = chains.stream().map(trunkOf).toList();
        this.chains = List.copyOf(chains);
        this.embedding = groups(chains, device, c -> false, c -> new Place(c.embedding(), Global.of(c.config())));
        this.norm = groups(chains, device, c -> false, c -> new Place(c.norm(), Global.of(c.config())));
        this.head = groups(chains, device, c -> false, c -> new Place(c.head(), Global.of(c.config())));
        int depth = chains.stream().mapToInt(c -> c.config().layers()).max().orElse(0);
        List<List<Group>> byLayer = new ArrayList<>();
        long blocks = embedding.size() + norm.size() + head.size();
        long separate = 3L * chains.size();
        for (int i = 0; i < depth; i++) {
            int layer = i;
            List<Chain> reaching =
                    chains.stream().filter(c -> layer < c.config().layers()).toList();
            List<Group> groups = groups(
                    reaching,
                    device,
                    c -> layer < trunkOf.apply(c).depth(),
                    c -> new Place(c.layer(layer), c.config().layer(layer)));
            byLayer.add(groups);
            blocks += groups.size();
            separate += reaching.size();
        }
        this.layers = List.copyOf(byLayer);
        this.blockPasses = blocks;
        this.chainPasses = separate;
    }

    private List<Group> groups(
            List<Chain> of, Device device, Predicate<Chain> inTrunk, Function<Chain, Place> placeOf) {
        Map<Place, List<Chain>> groups = new LinkedHashMap<>();
        for (Chain chain : of) {
            groups.computeIfAbsent(placeOf.apply(chain), p -> new ArrayList<>()).add(chain);
        }
        List<Group> made = new ArrayList<>();
        groups.forEach((place, chainsThere) -> {
            Members members = new Members(
                    chainsThere, chainsThere.stream().map(inTrunk::test).toList());
            ChainRows rows = sets.computeIfAbsent(members, m -> new ChainRows(m.chains, m.inTrunk, device));
            made.add(new Group(rows, place.block));
        });
        return List.copyOf(made);
    }

    /** Fills the rows of every set for a step. */
    void fill(StepRows step) {
        for (ChainRows rows : sets.values()) {
            rows.fill(step);
        }
    }

    boolean isFor(List<Chain> others) {
        if (others.size() != chains.size()) {
            return false;
        }
        for (int i = 0; i < chains.size(); i++) {
            if (chains.get(i) != others.get(i)) {
                return false;
            }
        }
        return true;
    }

    boolean uses(Chain chain) {
        return chains.contains(chain);
    }

    void close() {
        sets.values().forEach(ChainRows::close);
    }
}
