package io.ashlar.app;

import io.ashlar.api.Intake;
import io.ashlar.audit.AuditLog;
import io.ashlar.block.BlockZoo;
import io.ashlar.block.LoadedBlocks;
import io.ashlar.blueprint.Blueprints;
import io.ashlar.catalog.Catalog;
import io.ashlar.catalog.Upstreams;
import io.ashlar.compute.Device;
import io.ashlar.compute.cpu.CpuDevice;
import io.ashlar.compute.cuda.CudaDevices;
import io.ashlar.compute.cuda.NvidiaDriver;
import io.ashlar.console.ApiAddress;
import io.ashlar.console.ConsoleLimits;
import io.ashlar.database.ChangeFeed;
import io.ashlar.engine.Engine;
import io.ashlar.engine.EngineOptions;
import io.ashlar.identity.AdminKeys;
import io.ashlar.identity.ApiKeys;
import io.ashlar.identity.KeyAuthenticator;
import io.ashlar.identity.Members;
import io.ashlar.identity.PasswordSignIn;
import io.ashlar.identity.SignInProvider;
import io.ashlar.identity.SignInProviders;
import io.ashlar.identity.Tenants;
import io.ashlar.identity.TokenAuthenticator;
import io.ashlar.identity.Vault;
import io.ashlar.platform.Alarms;
import io.ashlar.platform.Platform;
import io.ashlar.platform.Retention;
import io.ashlar.platform.Watch;
import io.ashlar.quota.Attainment;
import io.ashlar.quota.ConcurrencyLimit;
import io.ashlar.quota.Limits;
import io.ashlar.quota.Quotas;
import io.ashlar.quota.ServiceClasses;
import io.ashlar.quota.WaitingLines;
import io.ashlar.scheduler.LengthPredictor;
import io.ashlar.scheduler.StepLimits;
import io.ashlar.serving.Host;
import io.ashlar.serving.Imports;
import io.ashlar.serving.ModelLibrary;
import io.ashlar.serving.RequestLog;
import io.ashlar.serving.Serving;
import io.ashlar.serving.ServingLimits;
import io.ashlar.serving.UpstreamHttp;
import io.ashlar.usage.RecentUsage;
import io.ashlar.usage.UsageHistory;
import io.ashlar.usage.UsageLedger;
import io.ashlar.usage.UsageReports;
import io.ashlar.usage.UsageStore;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DataSourceTransactionManager;
import org.springframework.security.crypto.argon2.Argon2PasswordEncoder;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.transaction.support.TransactionTemplate;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

/** The parent of both doors: the services that they share, and nothing of the web. */
@Configuration(proxyBeanMethods = false)
public class Core {
    private static final int CPU_STEP_TOKENS = 512;
    private static final int GPU_STEP_TOKENS = 2048;
    /** The part of a GPU's memory that is kept for the buffers of steps: one in so many. */
    private static final int STEP_PART = 16;

    @Bean
    Clock clock() {
        return Clock.systemUTC();
    }

    @Bean
    SecureRandom secureRandom() {
        return new SecureRandom();
    }

    @Bean
    JdbcClient jdbcClient(OpenDatabase database) {
        return JdbcClient.create(database.pool());
    }

    @Bean
    TransactionTemplate transactionTemplate(OpenDatabase database) {
        return new TransactionTemplate(new DataSourceTransactionManager(database.pool()));
    }

    @Bean
    PasswordEncoder passwordEncoder() {
        return Argon2PasswordEncoder.defaultsForSpringSecurity_v5_8();
    }

    @Bean(initMethod = "start")
    ChangeFeed changeFeed(OpenDatabase database) {
        return new ChangeFeed(database.address());
    }

    @Bean
    AuditLog auditLog(JdbcClient database, Clock clock) {
        return new AuditLog(database, clock);
    }

    @Bean
    Tenants tenants(JdbcClient database, TransactionTemplate transactions, AuditLog audit, Clock clock) {
        return new Tenants(database, transactions, audit, clock);
    }

    @Bean
    ApiKeys apiKeys(
            JdbcClient database, TransactionTemplate transactions, AuditLog audit, SecureRandom random, Clock clock) {
        return new ApiKeys(database, transactions, audit, random, clock);
    }

    @Bean
    Members members(
            JdbcClient database,
            TransactionTemplate transactions,
            AuditLog audit,
            PasswordEncoder passwords,
            Clock clock) {
        return new Members(database, transactions, audit, passwords, clock);
    }

    @Bean
    Vault vault(DataFolder folder, SecureRandom random) {
        return new Vault(DataFolder.secretKey(folder.path(), random), random);
    }

    @Bean
    PasswordSignIn passwordSignIn(
            JdbcClient database,
            TransactionTemplate transactions,
            Members members,
            AuditLog audit,
            PasswordEncoder passwords,
            Vault vault,
            SecureRandom random,
            Clock clock) {
        return new PasswordSignIn(database, transactions, members, audit, passwords, vault, random, clock);
    }

    @Bean
    SignInProviders signInProviders(
            JdbcClient database,
            TransactionTemplate transactions,
            AuditLog audit,
            Vault vault,
            ChangeFeed changes,
            AshlarProperties properties,
            Clock clock) {
        List<SignInProviders.Known> fixed = properties.signIn().providers().entrySet().stream()
                .map(p -> provider(p.getKey(), p.getValue()))
                .toList();
        return new SignInProviders(database, transactions, audit, vault, changes, fixed, clock);
    }

    private static SignInProviders.Known provider(String name, AshlarProperties.Provider p) {
        List<SignInProvider.Rule> rules = p.rules().stream()
                .map(r -> new SignInProvider.Rule(r.claim(), r.value(), r.role(), r.tenant()))
                .toList();
        String title = p.title();
        SignInProvider provider = new SignInProvider(
                name,
                title == null ? name : title,
                p.issuer(),
                p.clientId(),
                p.scopes(),
                p.loginClaim(),
                p.audience(),
                rules,
                true,
                true);
        return new SignInProviders.Known(provider, p.clientSecret());
    }

    @Bean
    ApiAddress apiAddress() {
        return new ApiAddress();
    }

    @Bean
    ConsoleLimits consoleLimits(AshlarProperties properties) {
        return new ConsoleLimits(properties.signIn().idle(), properties.signIn().longest());
    }

    @Bean
    TokenAuthenticator tokenAuthenticator(
            SignInProviders providers,
            Members members,
            Tenants tenants,
            JdbcClient database,
            ChangeFeed changes,
            ExecutorService blockingWork,
            Clock clock) {
        return new TokenAuthenticator(providers, members, tenants, database, changes, blockingWork, clock);
    }

    @Bean
    UsageReports usageReports(OpenDatabase database, TransactionTemplate transactions) {
        return new UsageReports(new JdbcTemplate(database.pool()), transactions);
    }

    @Bean
    KeyAuthenticator keyAuthenticator(JdbcClient database, ChangeFeed changes, Clock clock) {
        return new KeyAuthenticator(database, changes, Executors.newVirtualThreadPerTaskExecutor(), clock);
    }

    @Bean
    Catalog catalog(JdbcClient database, AuditLog audit, TransactionTemplate transactions, Clock clock) {
        return new Catalog(database, audit, transactions, clock);
    }

    @Bean
    Upstreams upstreams(
            Catalog catalog,
            JdbcClient database,
            AuditLog audit,
            TransactionTemplate transactions,
            Vault vault,
            Clock clock) {
        return new Upstreams(catalog, database, audit, transactions, new VaultSecrets(vault), clock);
    }

    @Bean
    BlockZoo blockZoo(DataFolder folder) {
        return new BlockZoo(folder.zoo());
    }

    @Bean
    ModelLibrary modelLibrary(BlockZoo zoo, Catalog catalog, AuditLog audit, TransactionTemplate transactions) {
        return new ModelLibrary(zoo, catalog, audit, transactions);
    }

    @Bean
    Imports imports(ModelLibrary library, Clock clock) {
        return new Imports(library, clock);
    }

    @Bean(initMethod = "start")
    Hosts hosts(BlockZoo zoo, AshlarProperties properties) {
        AshlarProperties.Engine e = properties.engine();
        int threads = e.threads() == 0 ? Runtime.getRuntime().availableProcessors() : e.threads();
        List<Device> devices = DeviceSelection.open(
                properties.devices(),
                () -> new CpuDevice(threads, e.niceness()),
                new CudaDevices(NvidiaDriver::load),
                properties.gpu());
        return new Hosts(
                devices.stream().map(device -> host(device, zoo, properties)).toList());
    }

    /** A device with memory of its own shares it out between pages and weights; the host's is bounded by settings. */
    private static Host host(Device device, BlockZoo zoo, AshlarProperties properties) {
        AshlarProperties.Engine e = properties.engine();
        long own = device.memory().total();
        long pages = own == 0
                ? e.pageMemory().toBytes()
                : (long) (own * properties.gpu().pages());
        int stepTokens = e.stepTokens() > 0 ? e.stepTokens() : own == 0 ? CPU_STEP_TOKENS : GPU_STEP_TOKENS;
        EngineOptions options = new EngineOptions(
                new StepLimits(stepTokens, e.runningSequences()),
                pages,
                e.pageType(),
                e.maxQueued(),
                e.stallLimit(),
                e.orders(),
                e.preemption(),
                e.hostPageMemory().toBytes() < 0 ? pages : e.hostPageMemory().toBytes());
        Engine engine = new Engine(device, options, System::nanoTime);
        long most = e.weightMemory().toBytes() == 0
                ? Long.MAX_VALUE
                : e.weightMemory().toBytes();
        long weights = own == 0 ? most : Math.min(most, device.memory().free() - own / STEP_PART);
        return new Host(engine, new LoadedBlocks(zoo, device), weights);
    }

    @Bean
    UpstreamHttp upstreamHttp(AshlarProperties properties) {
        return new UpstreamHttp(properties.upstreams().silence());
    }

    @Bean
    Serving serving(
            Catalog catalog,
            Upstreams upstreams,
            UpstreamHttp http,
            BlockZoo zoo,
            Hosts hosts,
            ChangeFeed changes,
            AshlarProperties properties,
            Clock clock) {
        AshlarProperties.Engine e = properties.engine();
        Serving serving = new Serving(
                catalog, upstreams, http, zoo, hosts.all(), new ServingLimits(e.maxContext(), e.idleAdapters()), clock);
        serving.follow(changes);
        return serving;
    }

    @Bean
    ConcurrencyLimit concurrencyLimit(AshlarProperties properties) {
        return new ConcurrencyLimit(properties.quota().requestsInFlight());
    }

    /** Runs what waits for the database. */
    @Bean(destroyMethod = "")
    ExecutorService blockingWork() {
        return Executors.newVirtualThreadPerTaskExecutor();
    }

    @Bean
    AdminKeys adminKeys(
            JdbcClient database,
            TransactionTemplate transactions,
            AuditLog audit,
            ChangeFeed changes,
            ExecutorService blockingWork,
            SecureRandom random,
            Clock clock) {
        return new AdminKeys(database, transactions, audit, changes, blockingWork, random, clock);
    }

    @Bean
    Limits limits(JdbcClient database, TransactionTemplate transactions, AuditLog audit, Clock clock) {
        return new Limits(database, transactions, audit, clock);
    }

    @Bean
    Blueprints blueprints(
            Tenants tenants,
            Catalog catalog,
            Upstreams upstreams,
            Limits limits,
            ServiceClasses classes,
            TransactionTemplate transactions) {
        return new Blueprints(tenants, catalog, upstreams, limits, classes, transactions);
    }

    @Bean
    ServiceClasses serviceClasses(
            JdbcClient database,
            TransactionTemplate transactions,
            AuditLog audit,
            ChangeFeed changes,
            ExecutorService blockingWork) {
        return new ServiceClasses(database, transactions, audit, changes, blockingWork);
    }

    @Bean(initMethod = "start")
    Quotas quotas(
            JdbcClient database,
            TransactionTemplate transactions,
            ChangeFeed changes,
            ExecutorService blockingWork,
            Clock clock,
            DataFolder folder,
            UsageLedger ledger) {
        Quotas quotas = new Quotas(database, transactions, changes, blockingWork, clock, folder.instance());
        // What the process before this one used is known when its journal is in the ledger.
        ledger.caughtUp().thenRunAsync(quotas::recover, blockingWork).exceptionally(e -> {
            System.getLogger(Core.class.getName())
                    .log(System.Logger.Level.WARNING, "limits could not be recovered: {0}", e.getMessage());
            return null;
        });
        return quotas;
    }

    @Bean
    WaitingLines waitingLines() {
        return new WaitingLines(
                Executors.newSingleThreadScheduledExecutor(
                        Thread.ofPlatform().daemon().name("waiting-lines").factory()),
                System::nanoTime);
    }

    /** Knows from the start what the ledger has to say. */
    @Bean
    LengthPredictor lengthPredictor(OpenDatabase database, ExecutorService blockingWork) {
        LengthPredictor predictor = new LengthPredictor();
        blockingWork.execute(() -> new UsageHistory(new JdbcTemplate(database.pool()))
                .lengths(l -> predictor.observe(l.tenant(), l.model(), l.prompt(), l.completion())));
        return predictor;
    }

    @Bean
    RequestLog requestLog() {
        return new RequestLog();
    }

    @Bean
    Intake intake() {
        return new Intake();
    }

    @Bean
    UsageLedger usageLedger(
            DataFolder folder, OpenDatabase database, TransactionTemplate transactions, AshlarProperties properties) {
        UsageStore store = new UsageStore(new JdbcTemplate(database.pool()), transactions);
        return new UsageLedger(folder.usage(), store::write, properties.usage().journalSync());
    }

    @Bean
    Platform platform(
            JdbcClient database, TransactionTemplate transactions, AuditLog audit, Vault vault, ChangeFeed changes) {
        return new Platform(database, transactions, audit, vault, changes);
    }

    @Bean
    Attainment attainment(ServiceClasses classes) {
        return new Attainment(classes::find, System::nanoTime);
    }

    @Bean
    Alarms alarms(Serving serving, UsageLedger ledger, Attainment attainment, Platform platform, Clock clock) {
        Reasons reasons = new Reasons(serving, ledger, attainment);
        return new Alarms(reasons::now, platform, clock, Duration.ofSeconds(2));
    }

    @Bean(initMethod = "start")
    Watch watch(Alarms alarms, JdbcClient database, Platform platform, Clock clock) {
        return new Watch(alarms, new Retention(database, platform, clock));
    }

    @Bean
    RecentUsage recentUsage(UsageLedger ledger) {
        RecentUsage recent = new RecentUsage(System::nanoTime);
        ledger.onSettled(recent::note);
        return recent;
    }

    @Bean
    Scheduler requestScheduler() {
        return Schedulers.newParallel("request", Runtime.getRuntime().availableProcessors());
    }

    @Bean
    Metrics metrics(
            Hosts hosts,
            UsageLedger ledger,
            Intake intake,
            Quotas quotas,
            WaitingLines lines,
            LengthPredictor predictor) {
        return new Metrics(hosts, ledger, intake, quotas, lines, predictor);
    }
}
