package io.ashlar.engine;

import static io.ashlar.compute.PageLayout.TOKENS;

import io.ashlar.compute.PageTable;
import io.ashlar.model.text.Detokenizer;
import io.ashlar.model.text.StopStrings;
import io.ashlar.scheduler.Job;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One running generation: its tokens, its pages, its sampling state. The engine's thread owns it. */
final class Sequence extends Job {
    final Submission submission;
    final int choice;
    final Chain chain;
    final SamplingOptions sampling;
    final Detokenizer detokenizer;
    final StopStrings stops;
    /** Computes the prompt that this one will find in the cache; null when this one computes it. */
    final @Nullable Sequence leader;

    int[] tokens;
    int length;
    /** Whether the last token is still being chosen by a step under way: its place is taken, its value not known. */
    boolean awaited;
    /** The row of the last step that chose a token for it. */
    int sampledRow;
    /** Tokens whose keys and values are in pages. */
    int computed;
    /** Page groups at the front that the cache knows, this sequence's own or not. */
    int published;

    /** The trunk that its chain had when it was admitted. */
    Trunk trunk = Trunk.NONE;
    /** Tokens below this one have their trunk computed: they begin behind it. */
    int trunkComputed;
    /** Page groups at the front that others of the trunk can find, and what the next one's parent is. */
    int trunkPublished;

    long trunkParent;

    boolean prefilled;
    boolean ended;
    /** Where its pages are while they are not, or not only, on the device. */
    @Nullable
    PageMove move;

    final List<PageGroup> groups = new ArrayList<>();
    /** Where its pages are, as kernels read it. */
    final PageTable table;

    Sequence(Submission submission, int choice, @Nullable Sequence leader, PageTable table) {
        super(submission.request().terms(), submission.arrivalNanos());
        GenerationRequest request = submission.request();
        this.submission = submission;
        this.choice = choice;
        this.chain = request.chain();
        this.sampling = request.sampling().withSeed(request.sampling().seed() + choice);
        this.detokenizer = new Detokenizer(request.tokens());
        this.stops = new StopStrings(request.stopStrings());
        this.leader = leader;
        this.length = request.prompt().length;
        this.tokens = Arrays.copyOf(request.prompt(), length + Math.min(request.maxTokens(), 64));
        this.table = table;
    }

    @Override
    public int promptLength() {
        return submission.request().prompt().length;
    }

    @Override
    public int made() {
        return answerLength();
    }

    @Override
    public int limit() {
        return submission.request().maxTokens();
    }

    int answerLength() {
        return length - promptLength();
    }

    @Override
    public int pending() {
        return length - computed;
    }

    @Override
    public boolean ready() {
        return (leader == null || leader.prefilled || leader.ended)
                && !(awaited && answerLength() >= submission.request().maxTokens())
                && submission.generation().hasRoom(submission.request().choices());
    }

    /** Tokens from the front whose values are known. */
    int knownLength() {
        return awaited ? length - 1 : length;
    }

    /** Takes the place of a token that a step under way chooses. */
    void await(int row) {
        append(0);
        awaited = true;
        sampledRow = row;
    }

    /** The token that was waited for. */
    void arrive(int token) {
        tokens[length - 1] = token;
        awaited = false;
    }

    void append(int token) {
        if (length == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * length);
        }
        tokens[length++] = token;
    }

    void addGroup(PageGroup group) {
        groups.add(group);
        setGroup(groups.size() - 1, group);
    }

    void setGroup(int place, PageGroup group) {
        groups.set(place, group);
        for (int layer = 0; layer < group.pages.length; layer++) {
            table.set(layer, place, group.pages[layer]);
        }
    }

    /** Tokens that fit in the pages it has. */
    int capacity() {
        return groups.size() * TOKENS;
    }
}
