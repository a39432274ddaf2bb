package io.ashlar.app;

import io.ashlar.access.Role;
import io.ashlar.compute.PageType;
import io.ashlar.scheduler.Preemption;
import io.ashlar.scheduler.policy.Policies;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * All of the configuration. Each value comes from the command line, an environment variable ({@code engine.step-tokens} is
 * {@code ASHLAR_ENGINE_STEP_TOKENS}), the file of {@code --config}, or the default here, in this order.
 *
 * @param data the folder that holds everything: database, blocks, journal
 * @param drain how long running answers may take to end when the process is told to stop
 * @param devices what computes: {@code auto} (all GPUs, or the CPU where there are none), or a list of {@code cpu},
 *     {@code cuda:0} and so on
 */
public record AshlarProperties(
        @DefaultValue("data") Path data,
        @DefaultValue("30s") Duration drain,
        @DefaultValue("auto") String devices,
        @DefaultValue Api api,
        @DefaultValue Console console,
        @DefaultValue Management management,
        @DefaultValue Database database,
        @DefaultValue Engine engine,
        @DefaultValue Gpu gpu,
        @DefaultValue Quota quota,
        @DefaultValue Usage usage,
        @DefaultValue Upstreams upstreams,
        @DefaultValue SignIn signIn) {
    /**
     * The API door.
     *
     * @param address what it listens on; loopback until a proxy with TLS stands before it
     * @param maxBody the largest request body
     */
    public record Api(
            @DefaultValue("127.0.0.1") String address,
            @DefaultValue("8080") int port,
            @DefaultValue("2MB") DataSize maxBody) {}

    /** The console door. */
    public record Console(
            @DefaultValue("127.0.0.1") String address,
            @DefaultValue("8081") int port) {}

    /** Health and metrics: a port of its own, so that it need not be open to callers. */
    public record Management(
            @DefaultValue("127.0.0.1") String address,
            @DefaultValue("8082") int port) {}

    /**
     * @param url of a PostgreSQL that is running; without it, one of our own is started in the data folder
     * @param cache where the programs of our own one are unpacked; null is {@code ~/.cache/ashlar}
     */
    public record Database(
            @Nullable String url,
            @Nullable String user,
            @Nullable String password,
            @Nullable Path cache) {
        @Override
        public String toString() {
            return "Database[url=" + url + ", user=" + user + "]";
        }
    }

    /**
     * @param threads that compute; 0 is one for each core
     * @param niceness how far those threads stand back where others want their core (Linux): 0 not at all, 19 the most
     * @param stepTokens the most rows of a step: more raises throughput of prompts, and the time of each step; 0 is 512 on a
     *     CPU and 2048 on a GPU
     * @param runningSequences in one step
     * @param maxQueued requests that wait or run; more are refused with 503
     * @param pageMemory for the keys and values of all running sequences and cached prefixes, on a CPU
     * @param pageType of keys and values: {@code f16}; {@code q8} in half the memory; {@code f32} to the last bit
     * @param weightMemory for the blocks of models; those beyond it sleep on disk and take turns; 0 is no bound
     * @param idleAdapters that stay in memory without being used; the least recently used leave first
     * @param maxContext bounds every model's context, in tokens
     * @param policy that orders the requests of deployments that none was chosen for: {@code joined}, {@code fcfs},
     *     {@code mlfq}, {@code mlfq-skip-join}, {@code odbs}, {@code slo-dbs}, {@code slo-odbs} or {@code vtc}
     * @param preemption what becomes of pages that are taken for others: {@code recompute}, {@code reactive} (they move to
     *     host memory) or {@code proactive} (ahead of need)
     * @param hostPageMemory host memory for pages that had to leave the device, taken as it is needed; -1 is as much as the
     *     device has for pages
     * @param stallLimit how long a client may leave its stream unread before its request is cancelled
     */
    public record Engine(
            @DefaultValue("0") int threads,
            @DefaultValue("10") int niceness,
            @DefaultValue("0") int stepTokens,
            @DefaultValue("256") int runningSequences,
            @DefaultValue("2048") int maxQueued,
            @DefaultValue("256MB") DataSize pageMemory,
            @DefaultValue("f16") PageType pageType,
            @DefaultValue("0") DataSize weightMemory,
            @DefaultValue("64") int idleAdapters,
            @DefaultValue("32768") int maxContext,
            @DefaultValue("joined") String policy,
            @DefaultValue("proactive") Preemption preemption,
            @DefaultValue("-1") DataSize hostPageMemory,
            @DefaultValue("60s") Duration stallLimit) {
        public Engine {
            if (Policies.of(policy).isEmpty()) {
                throw new IllegalArgumentException(
                        "engine.policy should be one of " + Policies.words() + ", but is " + policy);
            }
        }

        Policies orders() {
            return Policies.of(policy).orElseThrow();
        }
    }

    /**
     * Each GPU's memory is taken at the start, as one piece.
     *
     * @param reserve that is left alone, for the driver and for others
     * @param memory to take; 0 is all that is free but the reserve
     * @param pages the part of it for keys and values; the rest is for the blocks of models, and a little for steps
     */
    public record Gpu(
            @DefaultValue("1GB") DataSize reserve,
            @DefaultValue("0") DataSize memory,
            @DefaultValue("0.4") double pages) {
        public Gpu {
            if (!(pages > 0 && pages < 0.9)) {
                throw new IllegalArgumentException("gpu.pages should be between 0 and 0.9, but is " + pages);
            }
        }
    }

    /** @param requestsInFlight of each tenant; more are refused with 429 */
    public record Quota(@DefaultValue("1024") int requestsInFlight) {}

    /** @param journalSync how long a journal entry may wait to survive a loss of power (it survives the process at once) */
    public record Usage(@DefaultValue("100ms") Duration journalSync) {}

    /**
     * Deployments whose tokens other servers make.
     *
     * @param silence the longest that such a server may say nothing while it is waited for
     */
    public record Upstreams(@DefaultValue("5m") Duration silence) {}

    /**
     * Signing in to the console.
     *
     * @param idle after which somebody who does nothing is signed out
     * @param longest that a session lasts, whatever is done in it
     * @param providers of OpenID Connect, by name; more can be set in the console
     */
    public record SignIn(
            @DefaultValue("30m") Duration idle,
            @DefaultValue("12h") Duration longest,
            @DefaultValue Map<String, Provider> providers) {}

    /**
     * @param title on the button; the name where nothing is said
     * @param issuer as its tokens say it
     * @param clientSecret that it knows us by
     * @param scopes asked for beside {@code openid}
     * @param loginClaim whose value becomes the user name
     * @param audience of access tokens at the API; without one they open no door
     * @param rules what people are here, the first that fits
     */
    public record Provider(
            @Nullable String title,
            String issuer,
            String clientId,
            @Nullable String clientSecret,
            @DefaultValue({"profile", "email"}) List<String> scopes,
            @DefaultValue("preferred_username") String loginClaim,
            @Nullable String audience,
            @DefaultValue List<ProviderRule> rules) {
        @Override
        public String toString() {
            return "Provider[issuer=" + issuer + "]";
        }
    }

    /**
     * @param claim with dots into objects
     * @param value of it, or {@code *}
     * @param role such as {@code tenant_developer}
     * @param tenant for a tenant's roles; {@code {claim}} takes it from another claim
     */
    public record ProviderRule(
            String claim, String value, Role role, @Nullable String tenant) {}
}
