"""Names of servers and makers that everybody knows and that impostors borrow; lower case, without separators."""

WELL_KNOWN = frozenset(
    """
    github gitlab bitbucket gitea azuredevops jenkins circleci travisci buildkite teamcity argocd sonarqube sourcegraph
    jira confluence atlassian trello asana linear notion clickup mondaycom basecamp airtable smartsheet todoist
    slack discord telegram whatsapp zoom webex twilio sendgrid mailgun mailchimp postmark
    intercom zendesk freshdesk hubspot salesforce pipedrive zoho servicenow pagerduty opsgenie
    google googledrive googlemaps googlecalendar googlesheets googledocs gmail gdrive youtube firebase bigquery
    microsoft outlook office365 onedrive sharepoint azure powerbi dynamics365 msgraph
    amazon aws awskb cloudwatch dynamodb bedrock cloudfront
    apple icloud spotify netflix facebook instagram linkedin twitter reddit pinterest tiktok twitch
    openai anthropic claude chatgpt llama gemini perplexity mistral cohere huggingface langchain llamaindex ollama
    deepseek elevenlabs stabilityai midjourney pinecone weaviate qdrant chroma milvus
    stripe paypal square adyen braintree plaid coinbase binance kraken metamask quickbooks xero revolut klarna
    shopify woocommerce bigcommerce magento ebay etsy walmart
    postgres postgresql mysql mariadb sqlite mongodb redis elasticsearch opensearch clickhouse snowflake databricks
    redshift cassandra confluent couchbase neo4j influxdb cockroachdb supabase planetscale duckdb oracle
    docker kubernetes terraform pulumi ansible vault hashicorp cloudflare vercel netlify heroku
    digitalocean linode flyio railway fastly akamai
    datadog newrelic sentry grafana prometheus splunk dynatrace honeycomb kibana logstash
    figma canva miro adobe photoshop webflow wordpress drupal contentful sanity
    dropbox filesystem sequentialthinking puppeteer playwright selenium browserbase firecrawl tavily exa
    bravesearch duckduckgo wikipedia wikimedia arxiv wolframalpha context7 desktopcommander
    okta auth0 keycloak onepassword 1password bitwarden lastpass dashlane crowdstrike snyk sonatype
    amplitude mixpanel posthog zapier n8n ifttt workato retool
    docusign calendly typeform surveymonkey eventbrite evernote obsidian onenote
    workday bamboohr greenhouse gusto rippling
    """.split()
)

ORDINARY = frozenset(
    """
    ample apply archive black calendar canvas chroma chrome clade clause cloud cohort conference confidence
    confident consult contents contests context contexts datalog decker docked docker drive duplicate email entry
    fault finance influence interest interests interior lastly liner locker motion nation noten openapi password
    plain plastic postgre potion quadrant regis relocate replica revolt ripping rocker shack sigma slick smack
    snack spunk squared squire stability stack stacks strategy stride strife strike strip striped strips strive
    switch telegraph tripe vanity vastly witch zero
    """.split()
)
"""Words that are near to one of the well-known names and mean something themselves."""

OFFICIAL = frozenset(
    "official officiel officielle offiziell offizielle oficial ufficiale verified genuine authentic 官方 公式".split()
)
"""Words by which a server claims to be its maker's own."""
