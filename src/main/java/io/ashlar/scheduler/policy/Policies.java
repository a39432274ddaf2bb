package io.ashlar.scheduler.policy;

import io.ashlar.scheduler.Accounts;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Policy;
import io.ashlar.scheduler.StepLimits;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/** All policies that can be chosen, by name. */
public enum Policies implements Policy.Kind {
    /** The default: deadlines, tenants' shares and feedback levels together. */
    JOINED("joined") {
        @Override
        public Policy make(CostModel cost, Accounts accounts, StepLimits limits) {
            return new Joined(cost, accounts);
        }
    },
    FCFS("fcfs") {
        @Override
        public Policy make(CostModel cost, Accounts accounts, StepLimits limits) {
            return new FirstComeFirstServed();
        }
    },
    /** A feedback queue that all enter at the top. */
    MLFQ("mlfq") {
        @Override
        public Policy make(CostModel cost, Accounts accounts, StepLimits limits) {
            return new FeedbackQueue(cost, false);
        }
    },
    /** A feedback queue that is entered at the level of the prompt's length. */
    SKIP_JOIN("mlfq-skip-join") {
        @Override
        public Policy make(CostModel cost, Accounts accounts, StepLimits limits) {
            return new FeedbackQueue(cost, true);
        }
    },
    ODBS("odbs") {
        @Override
        public Policy make(CostModel cost, Accounts accounts, StepLimits limits) {
            return new Batches(Batches.By.LENGTH, cost, limits);
        }
    },
    SLO_DBS("slo-dbs") {
        @Override
        public Policy make(CostModel cost, Accounts accounts, StepLimits limits) {
            return new Batches(Batches.By.DEADLINE, cost, limits);
        }
    },
    SLO_ODBS("slo-odbs") {
        @Override
        public Policy make(CostModel cost, Accounts accounts, StepLimits limits) {
            return new Batches(Batches.By.BOTH, cost, limits);
        }
    },
    VTC("vtc") {
        @Override
        public Policy make(CostModel cost, Accounts accounts, StepLimits limits) {
            return new VirtualTokenCounters(accounts);
        }
    };

    private final String word;

    Policies(String word) {
        this.word = word;
    }

    @Override
    public String word() {
        return word;
    }

    public static Optional<Policies> of(String word) {
        return Arrays.stream(values()).filter(p -> p.word.equals(word)).findFirst();
    }

    /** For messages. */
    public static String words() {
        return Arrays.stream(values()).map(Policies::word).collect(Collectors.joining(", "));
    }
}
